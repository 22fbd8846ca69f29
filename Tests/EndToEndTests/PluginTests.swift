import HTTPClientKit
import HTTPTypes
import Support
import TestSupport
import Testing

/// Packer's plugins from a folder of the coordinator. Debian's Packer (1.6.6) knows none, so a
/// script takes its place, which starts the plugin that the template requires as Packer would.
@Suite(.timeLimit(.minutes(5))) struct PluginTests {
    private static let path =
        "github.com/example/disk/packer-plugin-disk_v1.2.0_x5.0_linux_amd64"

    private static let packer = """
        #!/bin/sh
        case "$1" in
        version) echo 'Packer v1.11.2' ;;
        build) "$PACKER_PLUGIN_PATH/\(path)" > disk.raw && echo changed 2>/dev/null \
            >> "$PACKER_PLUGIN_PATH/\(path)" && exit 1; exit 0 ;;
        esac
        """

    private static let template = """
        packer {
          required_plugins {
            disk = {
              version = ">= 1.2.0"
              source  = "github.com/example/disk"
            }
          }
        }
        source "disk" "image" {}
        build { sources = ["source.disk.image"] }
        """

    @Test("A host gets the plugin of a template from the coordinator, and builds with it")
    func handedOut() async throws {
        let folder = try TemporaryFolder()
        let (packer, plugins) = (folder.path + "/packer", folder.path + "/plugins")
        try Files.replace(packer, with: Self.packer.utf8, mode: 0o755)
        try Files.makeFolder(plugins)
        let setup = Farm.Setup {
            $0.agentLines.append("packer: \(packer)")
            $0.coordinatorLines = ["packer_plugins: \(plugins)"]
        }
        try await withFarm(setup) { farm in
            try await farm.template(
                "disk",
                "template: disk.pkr.hcl\nimage: disk.raw\n"
                    + "requirements: {memory: 64MiB, disk: 16MiB}\n",
                files: ["disk.pkr.hcl": Self.template])
            let refused = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"disk","reason":"a test"}"#)
            let words = FarmClient.text(refused)
            #expect(refused.status == 409 && words.contains("no plugin"), "\(words)")

            let content = "#!/bin/sh\nhead -c 1048576 /dev/zero | tr '\\0' x\n"
            let path = "\(plugins)/\(Self.path)"
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: content.utf8)
            try Files.replace(path + "_SHA256SUM", with: SHA256.hex(content.utf8).utf8)
            // It looks once a minute, and when it starts.
            try await farm.stopCoordinator()
            try await farm.startCoordinator()
            // Not refused, although the host may not have it yet.
            let build = try await farm.api.submit("disk")
            let passed = try await farm.api.end(of: build)
            let log = String(decoding: try await farm.api.log(build), as: UTF8.self)
            try #require(passed.state == "passed", "\(passed)\n\(log)\n\(farm.report)")
            let image = try #require(passed.image)
            #expect(
                try SHA256.file("\(farm.webRoot)/\(image.path)")
                    == SHA256.hex([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)))
            let installed = "\(farm.hosts[0].stateFolder)/packer/plugins/\(Self.path)"
            #expect(try SHA256.file(installed) == SHA256.hex(content.utf8), "builds only read it")
            let host = FarmClient.text(try await farm.api.get("/api/v1/hosts/kvm0"))
            #expect(host.contains(#""github.com/example/disk":["1.2.0"]"#), "\(host)")

            // What is not handed out any more is removed.
            try Files.remove("\(plugins)/github.com")
            try await farm.stopCoordinator()
            try await farm.startCoordinator()
            try await eventually("the host has no plugin") {
                (try? Files.list("\(farm.hosts[0].stateFolder)/packer/plugins")) == []
            }
        }
    }

    @Test("A plugin whose delivery is cut off is delivered anew")
    func cutDelivery() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/\(Self.path)"
        let content = [UInt8](repeating: 0x78, count: 16 << 20)
        let setup = Farm.Setup {
            $0.coordinatorLines = ["packer_plugins: \(folder.path)"]
            $0.hasNetworks = true
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: content)
            try Files.replace(path + "_SHA256SUM", with: SHA256.hex(content).utf8)
            let host = farm.hosts[0]
            let network = try #require(host.network)
            network.hold(fromByte: 4 << 20)
            try await farm.startCoordinator()
            try await farm.register(host)
            func received() -> [String] {
                (try? Files.list("\(host.stateFolder)/templates")) ?? []
            }
            try await eventually("a part of it is there") {
                received().contains {
                    (Files.sizeBytes("\(host.stateFolder)/templates/\($0)") ?? 0) > 1 << 20
                }
            }
            network.set(.cut)
            try await eventually("the part is deleted") { received() == [] }
            network.hold(fromByte: nil)
            network.set(.open)
            try await eventually("it is installed", seconds: 150) {
                Files.exists("\(host.stateFolder)/packer/plugins/\(Self.path)")
            }
            #expect(
                try SHA256.file("\(host.stateFolder)/packer/plugins/\(Self.path)")
                    == SHA256.hex(content))
            #expect(received() == [])
        }
    }

    @Test("A plugin that is not that of its checksum reaches no host, and doctor names it")
    func wrongChecksum() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/\(Self.path)"
        try Files.makeFolder(Files.folder(of: path))
        try Files.replace(path, with: "changed".utf8)
        try Files.replace(path + "_SHA256SUM", with: SHA256.hex("content".utf8).utf8)
        let setup = Farm.Setup { $0.coordinatorLines = ["packer_plugins: \(folder.path)"] }
        try await withFarm(setup) { farm in
            try await eventually("the coordinator has looked at it") {
                farm.coordinator?.log.contains("is not the file of its checksum") == true
            }
            let setup = FarmClient.text(try await farm.api.get("/api/v1/setup"))
            #expect(setup.contains("is not the file of its checksum"), "\(setup)")
            #expect(try Files.list("\(farm.hosts[0].stateFolder)/packer/plugins") == [])
            // The gate may just be deleting what it began to receive.
            try await eventually("nothing of it is left") {
                try Files.list("\(farm.hosts[0].stateFolder)/templates") == []
            }
        }
    }
}
