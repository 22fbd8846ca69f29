import Support
import TestSupport
import Testing

@testable import aibuild

@Suite("host package") struct HostPackageTests {
    private let folder: TemporaryFolder
    private var file: String { folder.path + "/agent.deb" }

    init() throws { folder = try TemporaryFolder() }

    private func get(_ architecture: String, _ farm: HostFarm, _ more: [String] = []) async -> Ran {
        let ran = await runCLI(
            ["host", "package", architecture, "--output", file] + more, url: farm.coordinator.url)
        await farm.coordinator.stop()
        return ran
    }

    @Test(
        "The package of an architecture is written, by either of its names",
        arguments: ["amd64", "x86_64"])
    func writes(architecture: String) async throws {
        let farm = try HostFarm(key: "ssh-ed25519 AAAA", packages: ["arm64", "amd64"])
        let ran = await get(architecture, farm)
        #expect(ran.code == .ok, "\(ran)")
        #expect(try Files.read(file, limitBytes: 100) == HostFarm.package)
        #expect(ran.out.contains("Wrote \(file): 24 B, SHA-256 \(SHA256.hex(HostFarm.package))\n"))
        #expect(farm.coordinator.lines.last == "GET /api/v1/host-setup/packages/amd64")
    }

    @Test("For a program, the answer says what was written")
    func json() async throws {
        let ran = await get("amd64", try HostFarm(key: "ssh-ed25519 AAAA"), ["--json"])
        #expect(ran.out.contains(#""file":"\#(file)""#), "\(ran)")
        #expect(ran.out.contains(#""version":"1.2.3-1""#))
    }

    @Test("A package that is not what the coordinator says is not written")
    func damaged() async throws {
        let ran = await get("amd64", try HostFarm(key: "ssh-ed25519 AAAA", digest: "00ff"))
        #expect(ran.code == .refused)
        #expect(ran.err.contains("aibuild-agent_1.2.3-1_amd64.deb arrived damaged"), "\(ran.err)")
        #expect(!Files.exists(file))
    }

    @Test("An architecture without a package is refused with those that there are")
    func missing() async throws {
        let ran = await get("riscv64", try HostFarm(key: "k", packages: ["arm64", "amd64"]))
        #expect(ran.code == .notFound)
        #expect(ran.err.contains("no agent package for riscv64, only for arm64, amd64."))
    }
}
