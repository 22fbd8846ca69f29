import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The folder with the packages of the agent.
@Suite struct AgentPackageFolderTests {
    @Test("Packages are known by the names that dpkg gives them, and all else is left out")
    func lists() async throws {
        let folder = try TemporaryFolder()
        for name in [
            "aibuild-agent_1.2.3-1_arm64.deb", "aibuild-agent_1.2.3~rc1-1_amd64.deb",
            "aibuild-coordinator_1.2.3-1_amd64.deb", "aibuild-agent_1.2.3-1_amd64.deb.part",
            "aibuild-agent_1.2.3'$(id)_mips.deb", "aibuild-agent__riscv64.deb", "README",
        ] {
            try Files.replace("\(folder.path)/\(name)", with: "content".utf8)
        }
        let packages = try await AgentPackageFolder(folder.path).packages()
        #expect(packages.map(\.architecture) == ["amd64", "arm64"])
        #expect(packages.map(\.version) == ["1.2.3~rc1-1", "1.2.3-1"])
        #expect(packages.map(\.sha256) == [SHA256.hex("content".utf8), SHA256.hex("content".utf8)])
        #expect(packages.first?.sizeBytes == 7)
        #expect(try await AgentPackageFolder(folder.path + "/none").packages() == [])
    }

    @Test("Of two packages for one architecture, none is chosen")
    func twoOfAKind() async throws {
        let folder = try TemporaryFolder()
        for version in ["1.2.3-1", "1.2.4-1"] {
            try Files.replace("\(folder.path)/aibuild-agent_\(version)_amd64.deb", with: "x".utf8)
        }
        let error = await #expect(throws: Failure.self) {
            _ = try await AgentPackageFolder(folder.path).packages()
        }
        #expect(error?.description.contains("two agent packages for amd64") == true)
    }
}
