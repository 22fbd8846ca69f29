import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TestSupport
import Testing

/// What a machine gets that is to become a host.
@Suite("Host setup routes") struct HostSetupRouteTests {
    private let folder: TemporaryFolder
    private let package: AgentPackage

    init() throws {
        folder = try TemporaryFolder()
        let name = "aibuild-agent_1.2.3-1_amd64.deb"
        package = AgentPackage(
            name: name, path: "\(folder.path)/\(name)", version: "1.2.3-1", architecture: "amd64",
            sizeBytes: 7, sha256: SHA256.hex("package".utf8))
        try Files.replace(package.path, with: "package".utf8)
    }

    @Test("Key, packages and clock are listed, and a package is served by its architecture")
    func lists() async throws {
        let package = package
        let api = try await API.leading(
            hostSetup: HostSetup(
                authorizedKey: { "restrict ssh-ed25519 AAAA" }, packages: { [package] }))
        let answer = try await api.ask("GET", "/api/v1/host-setup")
        #expect(answer.status == 200)
        for part in [
            #""authorizedKey":"restrict ssh-ed25519 AAAA""#, #""version":"1.2.3-1""#,
            #""name":"aibuild-agent_1.2.3-1_amd64.deb""#, #""sha256":"\#(package.sha256)""#,
        ] {
            #expect(answer.text.contains(part), "\(answer.text)")
        }
        #expect(!answer.text.contains(folder.path), "where it is on the disk is nobody's business")
        let file = try await api.ask("GET", "/api/v1/host-setup/packages/amd64")
        guard case .file(let slice) = file.body else { throw Failure("no file: \(file)") }
        #expect(slice.path == package.path && slice.lengthBytes == 7)
        for other in ["arm64", "aibuild-agent_1.2.3-1_amd64.deb"] {
            #expect(try await api.ask("GET", "/api/v1/host-setup/packages/\(other)").status != 200)
        }
    }

    @Test("Packages that cannot be used are a conflict with the reason")
    func unusable() async throws {
        let api = try await API.leading(
            hostSetup: HostSetup(packages: { throw Failure("two packages for amd64") }))
        let answer = try await api.ask("GET", "/api/v1/host-setup")
        #expect(answer.status == 409)
        #expect(answer.text.contains("two packages for amd64"), "\(answer.text)")
    }

    @Test("A standby sends for the leader's key")
    func standby() async throws {
        let api = try await API.leading(standing: .standingBy(url: "https://leader.test"))
        let answer = try await api.ask("GET", "/api/v1/host-setup")
        #expect(answer.status == 307)
        #expect(answer.headers["Location"] == "https://leader.test/api/v1/host-setup")
    }
}
