import HTTPClientKit
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import DockerKit

/// Addresses in the responses of registries.
struct RegistryAddressTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func origin(_ url: String) throws -> RegistryOrigin {
        RegistryOrigin(origin: try #require(WebAddress(url)).origin)
    }

    @Test(
        "A registry's own address is recognized however it is written",
        arguments: [
            ("https://r.x", "https://r.x:443/v2/", true),
            ("https://r.x:443", "HTTPS://R.X/v2/", true), ("http://r.x", "http://r.x:80/", true),
            ("http://r.x", "https://r.x/v2/", true), ("https://r.x", "http://r.x/v2/", false),
            ("https://r.x", "https://r.x:444/", false), ("https://r.x", "https://s.x/", false),
            ("https://r.x", "https://r.x.evil/", false),
            ("https://r.x", "https://r.x@evil/", false),
        ])
    func ownAddresses(base: String, url: String, isOwn: Bool) throws {
        #expect(try origin(base).owns(url) == isOwn)
    }

    @Test(
        "A location is resolved as RFC 3986 says, and stays encrypted",
        arguments: [
            ("https://r:5000", "/v2/x/blobs/uploads/1", "https://r:5000/v2/x/blobs/uploads/1"),
            ("https://r:5000", "1?_state=a", "https://r:5000/v2/x/blobs/uploads/1?_state=a"),
            ("https://r:5000", "../y/1", "https://r:5000/v2/x/blobs/y/1"),
            ("https://r:5000", "http://r/v2/1", "https://r:5000/v2/1"),
            ("https://r:5000", "//r:5000/v2/1", "https://r:5000/v2/1"),
            ("https://r", "https://s3.x:443/b?sig=1", "https://s3.x/b?sig=1"),
            ("https://r", "http://s3.x/b", nil), ("https://r", "ftp://r/b", nil),
            ("http://r:5000", "http://s3.x/b", "http://s3.x/b"),
        ])
    func locations(base: String, location: String, expected: String?) throws {
        let asked = base + "/v2/x/blobs/uploads/"
        #expect(try origin(base).resolve(location, from: asked) == expected)
    }

    private func repository(
        _ server: OddRegistry, _ certificates: TestCertificates? = nil
    ) throws -> RegistryRepository {
        try Registry(
            url: server.url, tls: TLSFiles(authorities: certificates.map { $0.folder + "/ca.pem" }),
            credentials: RegistryCredentials(user: "robot", password: "secret")
        ).repository("x")
    }

    @Test(
        "A blob is pushed to every form of location",
        arguments: [OddRegistry.Location.relative, .dotted, .upperCase], [false, true])
    func pushes(location: OddRegistry.Location, isEncrypted: Bool) async throws {
        let certificates =
            isEncrypted ? try await TestCertificates(in: folder.path + "/tls") : nil
        let server = try await OddRegistry(location, certificates: certificates)
        let repository = try repository(server, certificates)
        let blob = Blob(Array("a few bytes".utf8))
        #expect(try await repository.push(blob) == .pushed(resumedAt: 0))
        // Its HEAD redirects to a storage, which is not asked.
        #expect(try await repository.has(blob.digest))
        #expect(try await repository.push(blob) == .wasThere)
        try await repository.checkPush()
    }

    @Test("A registry that does not know of the TLS in front of it is used by TLS")
    func unencryptedLocation() async throws {
        let certificates = try await TestCertificates(in: folder.path + "/tls")
        let server = try await OddRegistry(.unencrypted, certificates: certificates)
        let blob = Blob(Array("a few bytes".utf8))
        #expect(
            try await repository(server, certificates).push(blob) == .pushed(resumedAt: 0))
        #expect(server.calls.contains("PATCH /v2/x/blobs/uploads/one robot"))
    }

    @Test("An upload that would leave TLS is refused with the registry's setting")
    func leavingTLS() async throws {
        let certificates = try await TestCertificates(in: folder.path + "/tls")
        let server = try await OddRegistry(.elsewhere, certificates: certificates)
        let error = try await failure {
            _ = try await repository(server, certificates).push(Blob([1]))
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("http://storage.invalid/v2/x"), "\(error.description)")
        #expect(error.description.contains("external_url"))
    }

    @Test("A redirected object is read from its storage, which gets no login")
    func redirectedObject() async throws {
        let server = try await OddRegistry(.relative)
        let manifest = try await repository(server).manifest("moved")
        #expect(manifest?.bytes == Array("{}".utf8))
        #expect(server.calls.last == "GET /storage/manifest nobody")
    }

    @Test("A registry that moved is named, and its blobs are not taken for present")
    func movedRegistry() async throws {
        let server = try await OddRegistry(.relative)
        let error = try await failure {
            _ = try await repository(server).registry.repository("old").has("sha256:1")
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("redirects to https://elsewhere.invalid"))
    }
}
