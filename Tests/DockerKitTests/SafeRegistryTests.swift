import HTTPClientKit
import Support
import TestSupport
import Testing

@testable import DockerKit

/// Real registries over TLS, and registries that allow pulling but not pushing.
struct SafeRegistryTests {
    private let folder: TemporaryFolder
    private let name = "disk" + String(UInt32.random(in: .min ... .max), radix: 16)

    init() throws { folder = try TemporaryFolder() }

    /// Docker's own registry leaves an empty state of an abandoned upload; the upload itself is
    /// `data`.
    private func hasUploads(_ server: RegistryServer) -> Bool {
        let place = "\(server.data)/docker/registry/v2/repositories/\(name)/_uploads"
        return ((try? Files.list(place)) ?? []).contains { Files.exists("\(place)/\($0)/data") }
    }

    @Test("A registry's own authority is trusted if it is named")
    func namedAuthorityIsTrusted() async throws {
        let certificates = try await TestCertificates(in: folder.path + "/certificates")
        let server = try await RegistryServer.start(isOpen: false, certificates: certificates)
        let credentials = RegistryCredentials(
            user: RegistryServer.user, password: RegistryServer.password)
        let registry = try Registry(
            url: server.url, tls: TLSFiles(authorities: certificates.folder + "/ca.pem"),
            credentials: credentials)
        try await registry.check()
        let repository = registry.repository(name)
        try await repository.checkPush()
        #expect(!hasUploads(server), "what was begun to try it was ended")
        #expect(server.log.contains("PUT /v2/\(name)/blobs/uploads/"), "it is really pushed")
        #expect(server.log.contains("DELETE /v2/\(name)/blobs/sha256:"))
        let disk = folder.path + "/image"
        try Files.replace(disk, with: [UInt8](repeating: 7, count: 100_000))
        let digest = try await pushDisk(disk, to: repository, tag: "1").digest
        #expect(try await repository.manifest("1")?.digest == digest)
    }

    /// Nothing is sent, in particular no password.
    @Test("An unknown certificate is refused with its remedy before anything is sent")
    func unknownCertificateIsRefused() async throws {
        let certificates = try await TestCertificates(in: folder.path + "/certificates")
        let server = try await RegistryServer.start(isOpen: false, certificates: certificates)
        for (authorities, words) in [
            (nil, "the trusted authorities are the system's own"),
            (
                certificates.folder + "/otherca.pem",
                "the trusted authorities are those in \(certificates.folder)/otherca.pem"
            ),
        ] {
            let registry = try Registry(
                url: server.url, tls: TLSFiles(authorities: authorities),
                credentials: RegistryCredentials(
                    user: RegistryServer.user, password: RegistryServer.password))
            let error = try await failure { try await registry.check() }
            #expect(error.code == .untrusted && error.isPermanent)
            #expect(error.description.contains(words), "\(error.description)")
            #expect(error.description.contains("PEM file of the authority that signed"))
        }
        #expect(!server.log.contains("GET /v2/"))
    }

    @Test("A read-only registry is found before the first push")
    func readOnlyRegistryIsFound() async throws {
        let server = try await RegistryServer.start(isReadOnly: true)
        let repository = try Registry(url: server.url).repository(name)
        #expect(try await repository.tags() == [], "it may be looked at")
        let error = try await failure { try await repository.checkPush() }
        #expect(error.isPermanent)
        #expect(error.description.hasPrefix("cannot push to \(name) in \(server.url): 405"))
        #expect(error.description.contains("is it read-only"), "\(error.description)")
    }

    /// A token that only allows pulling, as for a read-only robot account.
    @Test("A token that allows no push is found before the first push")
    func tokenWithoutPushIsNamed() async throws {
        let server = try await TokenRegistry()
        let url = "http://127.0.0.1:\(server.port)"
        let puller = try Registry(
            url: url, credentials: RegistryCredentials(user: "puller", password: "secret"))
        #expect(try await !puller.repository("x").has("sha256:1"), "it may look")
        let error = try await failure { try await puller.repository("x").checkPush() }
        #expect(error.code == .unauthorized)
        #expect(error.description.contains("grant the user the right to push there"))
        let robot = try Registry(
            url: url, credentials: RegistryCredentials(user: "robot", password: "secret"))
        try await robot.repository("x").checkPush()
        #expect(server.calls.last?.hasPrefix("DELETE") == true)
    }
}
