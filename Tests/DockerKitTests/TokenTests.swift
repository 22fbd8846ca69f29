import Support
import TestSupport
import Testing

@testable import DockerKit

struct TokenTests {
    private let credentials = RegistryCredentials(user: "robot", password: "secret")

    /// Random enough that a byte too many or too few is noticed.
    private func blob(_ size: Int) -> Blob {
        Blob((0..<size).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 7 ^ $0) })
    }

    @Test("A token is requested, and again when it expires")
    func expiredTokenIsRenewed() async throws {
        let server = try await TokenRegistry()
        let registry = try Registry(
            url: "http://127.0.0.1:\(server.port)", credentials: credentials)
        for size in 1...4 {
            #expect(
                try await registry.repository("x").push(blob(size)) == .pushed(resumedAt: 0))
        }
        let tokens = server.calls.filter { $0.hasPrefix("token") }
        #expect(tokens.count > 2)
        #expect(
            Set(tokens).isSubset(of: [
                "token robot repository:x:pull", "token robot repository:x:pull,push",
            ]))
        let stranger = try Registry(
            url: "http://127.0.0.1:\(server.port)",
            credentials: RegistryCredentials(user: "robot", password: "guess"))
        let error = try await failure { _ = try await stranger.repository("x").has("sha256:1") }
        #expect(error.code == .unauthorized)
        #expect(error.description.contains("no token from http://127.0.0.1:\(server.port)/token"))
        #expect(!error.description.contains("guess"))
    }

    /// Where the registry kept what arrived before the disconnection, only the rest is sent.
    @Test("A cut upload resumes where the registry is")
    func cutUploadResumes() async throws {
        let server = try await TokenRegistry()
        let proxy = try TCPProxy(to: server.port)
        let registry = try Registry(
            url: "http://127.0.0.1:\(proxy.port)", credentials: credentials)
        let blob = blob(12_000_000)
        let cuts = Notes<Int64>()
        let result = try await registry.repository("x").push(
            blob,
            onProgress: { done in
                guard cuts.all.isEmpty, done > 6_000_000 else { return }
                cuts.add(done)
                proxy.set(.cut)
                proxy.set(.open)
            })
        guard case .pushed(let resumed) = result else { throw Failure("\(result)") }
        #expect(resumed > 0 && resumed < blob.sizeBytes)
        let moves = server.calls.filter { !$0.hasPrefix("token") }
        #expect(moves.contains("PATCH 0"))
        #expect(moves.contains("PATCH \(resumed)"))
        #expect(moves.last == "PUT \(blob.sizeBytes)")
    }
}
