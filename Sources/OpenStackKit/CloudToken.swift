import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// Keystone's response to a login.
struct CloudToken: Sendable {
    struct Service: Decodable, Sendable {
        struct Endpoint: Decodable, Sendable {
            var interface: String
            var url: String
            var region_id: String?
        }
        var type: String
        var endpoints: [Endpoint]
    }
    struct Project: Decodable, Sendable {
        var id: String
        var name: String
    }
    struct Body: Decodable {
        struct Token: Decodable {
            var issued_at: String
            var expires_at: String
            var catalog: [Service]?
            var project: Project?
            var roles: [Role]?
        }
        struct Role: Decodable { var name: String }
        var token: Token
    }

    var secret: String
    /// By this machine's monotonic clock. The lifetime is the difference of two of Keystone's
    /// times, so the clocks need not agree.
    var renewAtMilliseconds: Int64
    var catalog: [Service]
    var project: Project?
    var roles: [String]

    /// Returns `nil` for a response without a token.
    init?(_ answer: HTTPAnswer, askedAt: Int64, limits: OpenStackLimits) {
        guard let secret = answer.headers["X-Subject-Token"], !secret.isEmpty,
            let body = try? JSON.decode(Body.self, answer.body),
            let issued = Self.seconds(body.token.issued_at),
            let expires = Self.seconds(body.token.expires_at)
        else { return nil }
        let life = max(expires - issued, 0)
        // A short lifetime gives up a quarter at most, so that some of it is left.
        let usable = life - min(limits.tokenMarginSeconds, life / 4)
        self.secret = secret
        renewAtMilliseconds = askedAt + Int64(min(usable, 86_400 * 365) * 1000)
        catalog = body.token.catalog ?? []
        project = body.token.project
        roles = (body.token.roles ?? []).map(\.name)
    }

    var isFresh: Bool { Clocks.monotonicMilliseconds() < renewAtMilliseconds }

    private static func seconds(_ text: String) -> Double? {
        Date(rfc3339: text)?.timeIntervalSince1970
    }
}

/// A user in one project of a cloud. The description leaves the password out.
public struct CloudLogin: Sendable, Hashable, CustomStringConvertible {
    public enum Interface: String, Sendable, CaseIterable {
        case `public`, `internal`, admin
    }

    /// Keystone, with or without `/v3`.
    public var authURL: String
    public var username: String
    public var password: String
    public var userDomain = "Default"
    public var project: String
    public var projectDomain = "Default"
    /// `nil` if the catalog has one region only.
    public var region: String?
    public var interface = Interface.public

    public init(authURL: String, username: String, password: String, project: String) {
        self.authURL = authURL
        self.username = username
        self.password = password
        self.project = project
    }

    public var description: String { "\(username) of project \(project) at \(identityURL)" }

    /// Keystone's address with its version.
    var identityURL: String {
        var url = authURL[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        return url.hasSuffix("/v3") ? String(url) : url + "/v3"
    }
}
