import FoundationEssentials
import HTTPClientKit
import Support

/// A real provider of OpenID Connect (glewlwyd): anna is in the groups `builders` and `linux`, bert
/// in `guests`.
public final class OpenIDServer: Sendable {
    public let issuer: String
    private let server: FakeServer
    private let http = HTTPClient()

    public static let client = "aibuild"
    public static let secret = "client-secret"
    public static let password = "correct horse battery"

    /// - Parameter callback: where it sends browsers back to.
    public init(callback: String? = nil) async throws {
        server = try await FakeServer.start("real-openid", [])
        issuer = String(
            decoding: try await http.request("GET", server.url + "/").body, as: UTF8.self)
        if let callback { try await setCallback(callback) }
    }

    public func setCallback(_ url: String) async throws { try await post("/callback", url) }

    /// From now on it signs by a new key, and no longer lists the old one.
    public func rotateKey() async throws { try await post("/rotate", "") }

    private func post(_ path: String, _ body: String) async throws {
        let answer = try await http.request(
            "POST", server.url + path, body: Array(body.utf8),
            timeouts: HTTPTimeouts(totalSeconds: 60))
        guard answer.status == 200 else { throw Failure("\(path): \(server.log)") }
    }
}

/// One that answers as a test says, mostly not honestly.
public final class LyingOpenIDServer: Sendable {
    private let server: FakeServer

    public init() async throws { server = try await FakeServer.start("lying-openid", []) }

    public var issuer: String { server.url }

    /// How it answers from now on, in JSON.
    public func set(_ now: [UInt8]) async throws {
        _ = try await HTTPClient().request("POST", server.url + "/now", body: now)
    }

    /// How often each of its paths was asked for.
    public func asked(_ path: String) async throws -> Int {
        let answer = try await HTTPClient().request("GET", server.url + "/asked")
        return try JSONDecoder().decode([String: Int].self, from: Data(answer.body))[path] ?? 0
    }

    public func kill() { server.kill() }
}
