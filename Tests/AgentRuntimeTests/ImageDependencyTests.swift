import AgentCore
import BuildProtocol
import ProcessKit
import Support
import TestSupport
import Testing

/// Images that are not complete by themselves.
@Suite struct ImageDependencyTests {
    @Test(
        "An image that needs another file is refused when it is collected",
        arguments: [
            (
                "qemu-img create -q -f qcow2 base 8M\n"
                    + "qemu-img create -q -f qcow2 -F qcow2 -b $PWD/base",
                "a.qcow2", "backing file"
            ),
            (
                "qemu-img create -q -f qcow2 -o data_file=$PWD/data,data_file_raw=on", "a.qcow2",
                "a data file"
            ),
            (
                "qemu-img create -q -f vmdk -o subformat=monolithicFlat", "a.vmdk",
                "the extent 'a-flat.vmdk'"
            ),
            (
                "qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse", "a.vmdk",
                "the extent 'a-s001.vmdk'"
            ),
            (
                "qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat", "a.vmdk",
                "the extent 'a-f001.vmdk'"
            ),
            (
                #"printf '# Disk DescriptorFile\nversion=1\nRW 8 FLAT "/etc/hostname" 0\n' >"#,
                "a.vmdk", "the extent '/etc/hostname'"
            ),
        ])
    func dependentImageIsRefused(command: String, name: String, reason: String) async throws {
        try await withAgent { agent, client in
            let size = command.contains("-b ") || command.hasPrefix("printf") ? "" : " 8M"
            let script = "set -e\n\(command) $AIBUILD_OUTPUT/\(name)\(size)\nls $AIBUILD_OUTPUT\n"
            let built = try await client.build(agent.start(try await agent.deliver(script: script)))
            #expect(built.fault?.code == .templateInvalid, "\(built.log)")
            #expect(built.fault?.reason.contains(reason) == true, "\(built.fault?.reason ?? "")")
        }
    }

    @Test(
        "A complete image is not refused, and its virtual size is known",
        arguments: ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
    func completeImageIsTaken(format: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/image"
        let made = try await Command(
            ["qemu-img", "create", "-q", "-f", format, path, "16M"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(made.status.isSuccess, "\(made.stderrText)")
        let bytes = try Files.read(path, limitBytes: 64 << 20)
        let image = ImageInspection(
            name: "image", header: Array(bytes.prefix(ImageInspection.headerBytes)),
            footer: Array(bytes.suffix(ImageInspection.footerBytes)), sizeBytes: Int64(bytes.count)
        ) { offset, count in Array(bytes.dropFirst(Int(offset)).prefix(count)) }
        #expect(image.otherFile == nil)
        // VHD rounds up to its geometry.
        #expect((16 << 20...17 << 20).contains(image.virtualSizeBytes ?? 0))
    }
}
