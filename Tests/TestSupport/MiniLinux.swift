import ProcessKit
import Support

/// An image of examples/mini-linux, built with Packer alone. It is built once and cached beside the
/// tests until its sources change.
public actor MiniLinux {
    public static let shared = MiniLinux()

    /// `<root>/examples/mini-linux`
    public static let example: String = {
        let here = Files.folder(of: "\(#filePath)")
        return Files.folder(of: Files.folder(of: here)) + "/examples/mini-linux"
    }()

    private static let folder: String = {
        let tests = CommandLine.arguments.first ?? ""
        return "/" + tests.split(separator: "/").dropLast().joined(separator: "/") + "/mini-linux"
    }()

    private var preparing: Task<Void, any Error>?
    private var making: Task<String, any Error>?

    /// The folder of the template, with its ISO beside it; read-only for tests.
    public func template() async throws -> (folder: String, iso: String) {
        if preparing == nil { preparing = Task { try await Self.prepare() } }
        try await preparing?.value
        return ("\(Self.folder)/template", "\(Self.folder)/mini-linux.iso")
    }

    /// The path of the image; read-only for tests.
    public func image() async throws -> String {
        _ = try await template()
        if making == nil { making = Task { try await Self.make() } }
        guard let making else { throw Failure("no build of the image has started") }
        return try await making.value
    }

    /// The system of its CD on a disk that boots only with UEFI: root logs in with the password
    /// `build`.
    ///
    /// - Parameter isDeaf: whether the guest ignores its power button.
    public func imageForUEFI(isDeaf: Bool = false) async throws -> String {
        _ = try await template()
        let made = madeForUEFI[isDeaf] ?? Task { try await Self.makeForUEFI(isDeaf: isDeaf) }
        madeForUEFI[isDeaf] = made
        return try await made.value
    }

    private var madeForUEFI: [Bool: Task<String, any Error>] = [:]

    private static func makeForUEFI(isDeaf: Bool) async throws -> String {
        let image = "\(folder)/uefi\(isDeaf ? "-deaf" : "").qcow2"
        let disk = "\(folder)/uefi\(UInt32.random(in: .min ... .max))"
        defer { try? Files.remove(disk) }
        _ = try await run(
            [
                "xorriso", "-osirrox", "on", "-indev", "\(folder)/mini-linux.iso", "-extract",
                "/boot", disk,
            ], seconds: 60)
        _ = try await run(["chmod", "-R", "u+w", disk], seconds: 60)
        // The firmware's own shell reads it where the disk has no boot loader.
        let deaf = isDeaf ? " initcall_blacklist=acpi_button_driver_init" : ""
        let start = "vmlinuz initrd=\\initrd.gz console=ttyS0 panic=-1\(deaf)\r\n"
        try Files.replace("\(disk)/startup.nsh", with: Array(start.utf8))
        // QEMU presents a folder as a FAT disk.
        _ = try await run(
            ["qemu-img", "convert", "-O", "qcow2", "fat:\(disk)", "\(disk)/image"], seconds: 60)
        try Files.rename("\(disk)/image", to: image)
        return image
    }

    private static func prepare() async throws {
        try Files.makeFolder(folder)
        _ = try await run(["\(example)/prepare.sh", folder], seconds: 120)
    }

    private static func make() async throws -> String {
        let template = "\(folder)/template/mini-linuxx86_64.json"
        let inputs =
            try ["mini-linux.iso", "template/scripts/install.sh"]
            .map { try SHA256.file("\(folder)/\($0)") } + [SHA256.file(template)]
        let image = "\(folder)/\(SHA256.hex(inputs.joined().utf8).prefix(16)).qcow2"
        if Files.exists(image) { return image }
        let output = "\(folder)/output\(UInt32.random(in: .min ... .max))"
        defer { try? Files.remove(output) }
        let port = Int.random(in: 20_000..<31_900)
        let variables = [
            "isourl=\(folder)/mini-linux.iso", "isochecksum=none", "outdir=\(output)",
            "vmname=image.qcow2", "build_number=7", "greeting=hello", "host_port_min=\(port)",
            "host_port_max=\(port + 50)",
        ]
        _ = try await run(
            ["packer", "build"] + variables.flatMap { ["-var", $0] } + [template], seconds: 300)
        try Files.rename("\(output)/image.qcow2", to: image)
        return image
    }

    private static func run(_ words: [String], seconds: Int) async throws -> Command.Output {
        let own = [
            "CHECKPOINT_DISABLE": "1", "HOME": folder, "PACKER_CACHE_DIR": "\(folder)/cache",
        ]
        let command = Command(
            words, environment: Command.minimalEnvironment.merging(own) { _, new in new })
        let output = try await command.run(timeoutSeconds: seconds)
        guard output.status.isSuccess else {
            throw Failure("\(words[0]): \(output.status) \(output.stdoutText)\(output.stderrText)")
        }
        return output
    }
}
