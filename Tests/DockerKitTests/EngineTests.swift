import HTTPClientKit
import Support
import TestSupport
import Testing
import TextKit

@testable import DockerKit

/// Against a real dockerd.
struct EngineTests {
    @Test("An engine reports its version and disk usage")
    func engineReportsVersion() async throws {
        let engine = try await DockerHost.shared().connect()
        #expect(try #require(APIVersion(engine.version.apiVersion)) >= DockerLimits.engineAPI)
        #expect(try await engine.imageBytes() != nil)
    }

    @Test("An unknown client certificate is unauthorized")
    func unknownClientCertificateIsUnauthorized() async throws {
        let host = try await DockerHost.shared()
        let stranger = try await failure {
            _ = try await host.connect(host.files("stranger", "stranger-key"))
        }
        #expect(stranger.code == .unauthorized)
        #expect(stranger.isPermanent)
        #expect(stranger.description.contains("does not let us in: it was shown the certificate"))
        #expect(stranger.description.contains("/stranger.pem"))
        let nobody = try await failure {
            _ = try await host.connect(TLSFiles(authorities: host.files().authorities))
        }
        #expect(nobody.code == .unauthorized)
        #expect(nobody.description.contains("it was shown no certificate"))
    }

    @Test("A server of another authority is untrusted")
    func unknownAuthorityIsUntrusted() async throws {
        let host = try await DockerHost.shared()
        let error = try await failure { _ = try await host.connect(host.files(ca: "otherca")) }
        #expect(error.code == .untrusted)
        let missing = try await failure { _ = try await host.connect(host.files("nothing")) }
        #expect(missing.code == .untrusted)
        #expect(missing.description.contains("nothing.pem"))
    }

    @Test("A refused connection is unreachable and may be retried")
    func refusedConnectionIsUnreachable() async throws {
        let host = try await DockerHost.shared()
        let port = try LoopbackPort.free()
        let error = try await failure {
            _ = try await DockerEngine.connect(
                host: "127.0.0.1", port: Int(port), tls: host.files())
        }
        #expect(error.code == .unreachable)
        #expect(!error.isPermanent)
        #expect(error.description.contains("127.0.0.1:\(port)"))
    }

    /// Also during the handshake, where it looks like a TLS error.
    @Test("A connection cut during the TLS handshake may be retried")
    func cutHandshakeIsUnreachable() async throws {
        let host = try await DockerHost.shared()
        let proxy = try TCPProxy(to: host.port)
        proxy.set(.cut)
        let error = try await failure {
            _ = try await DockerEngine.connect(
                host: "127.0.0.1", port: Int(proxy.port), tls: host.files())
        }
        #expect(error.code == .unreachable, "\(error.description)")
        #expect(!error.isPermanent)
    }

    @Test("An image is pulled by digest and removed again")
    func pullByDigest() async throws {
        let service = try await TestService()
        let image = try await service.push("1")
        let pulled = try await service.engine.pull(image, credentials: nil)
        #expect(pulled.names(inRepositoryOf: service.repository) == [image.description])
        // Again: there is nothing to do.
        #expect(try await service.engine.pull(image, credentials: nil).id == pulled.id)
        #expect(try await service.engine.removeImage(image.description))
        #expect(try await service.engine.image(image.description) == nil)
    }

    @Test("A failed pull says why") func pullErrorsAreExplained() async throws {
        let service = try await TestService()
        let missing = ImageReference(repository: service.repository.repository, tag: "nope")
        let unknown = try await failure {
            _ = try await service.engine.pull(missing, credentials: nil)
        }
        #expect(unknown.code == .notFound)
        #expect(unknown.description.hasPrefix("cannot pull \(missing) on 127.0.0.1:"))
        #expect(unknown.description.contains("manifest unknown"))
        let port = try LoopbackPort.free()
        let away = try await failure {
            _ = try await service.engine.pull(
                ImageReference("127.0.0.1:\(port)/app:1"), credentials: nil)
        }
        #expect(!away.isPermanent)
        #expect(away.description.contains("connection refused"), "\(away.description)")
    }

    /// The engine answers 200 and fails afterwards: the layer is missing from the registry.
    @Test("An error inside a response of status 200 is thrown")
    func errorInsideStatus200IsThrown() async throws {
        let service = try await TestService()
        let image = try await service.push("broken", ["LABEL unique=\(service.name)"])
        let repository = try Registry(url: service.registry.url).repository(service.name)
        let manifest = try #require(try await repository.manifest(image.digest ?? ""))
        guard case .array(let layers)? = try JSON(parsing: manifest.bytes)["layers"] else {
            throw Failure("no layers")
        }
        // The layer that only this image has: its "version".
        let digest = try #require(layers.last?["digest"]?.text).dropFirst("sha256:".count)
        let blobs = service.registry.data + "/docker/registry/v2/blobs/sha256"
        try Files.remove("\(blobs)/\(digest.prefix(2))/\(digest)/data")
        let error = try await failure {
            _ = try await service.engine.pull(image, credentials: nil)
        }
        #expect(error.description.contains("cannot pull \(image) on "), "\(error.description)")
        #expect(error.description.contains("unknown blob"), "\(error.description)")
        #expect(try await service.engine.image(image.description) == nil)
    }

    @Test("A pull needs the registry's credentials and never quotes them")
    func pullUsesCredentials() async throws {
        let registry = try await RegistryServer.start(isOpen: false)
        let host = try await DockerHost.shared()
        let engine = try await host.connect()
        let reference = try ImageReference("\(registry.host)/app:1")
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/disk", with: Array("a disk".utf8))
        let credentials = RegistryCredentials(
            user: RegistryServer.user, password: RegistryServer.password)
        try await pushDisk(
            folder.path + "/disk",
            to: Registry(url: registry.url, credentials: credentials).repository("app"), tag: "1")
        for wrong in [nil, RegistryCredentials(user: "robot", password: "guess")] {
            let error = try await failure {
                _ = try await engine.pull(reference, credentials: wrong)
            }
            #expect(error.code == .unauthorized, "\(error.description)")
            #expect(!error.description.contains("guess"))
        }
        _ = try await engine.pull(reference, credentials: credentials)
        _ = try await engine.removeImage(reference.description)
    }

    @Test("Log frames are stripped, and plain logs are left alone")
    func logFramesAreStripped() {
        let framed: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 2, 0x61, 0x0A, 2, 0, 0, 0, 0, 0, 0, 1, 0x62]
        #expect(LogFrames.payload(framed) == Array("a\nb".utf8))
        #expect(LogFrames.payload(Array("plain words of a terminal".utf8)).count == 25)
        #expect(LogFrames.payload([1, 0, 0, 0, 0, 0, 0, 9, 0x61]) == [0x61])
    }
}
