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
            var url: String?
            var region_id: String?
            /// As Keystone called it before regions had ids.
            var region: String?

            var regionName: String? { region_id ?? region }
        }
        var type: String
        var name: String?
        var endpoints: [Endpoint]?
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
    /// As Keystone writes it.
    var expiresAt: String

    /// Returns `nil` for a response without a token.
    ///
    /// - Parameter known: the token that the response describes, if it was not issued just now.
    init?(
        _ answer: HTTPAnswer, askedAt: Int64, known: String? = nil, limits: OpenStackLimits
    ) {
        guard let secret = known ?? answer.headers["X-Subject-Token"], !secret.isEmpty,
            let body = try? JSON.decode(Body.self, answer.body),
            let issued = Self.seconds(body.token.issued_at),
            let expires = Self.seconds(body.token.expires_at)
        else { return nil }
        let life = max(expires - issued, 0)
        // A short lifetime gives up a quarter at most, so that some of it is left. A token that is
        // given cannot be renewed: it is used until the cloud refuses it.
        let usable =
            known == nil ? life - min(limits.tokenMarginSeconds, life / 4) : .infinity
        self.secret = secret
        renewAtMilliseconds = askedAt + Int64(min(usable, 86_400 * 365) * 1000)
        catalog = body.token.catalog ?? []
        project = body.token.project
        roles = (body.token.roles ?? []).map(\.name)
        expiresAt = ErrorWords.plain(body.token.expires_at, limit: 40)
    }

    var isFresh: Bool { Clocks.monotonicMilliseconds() < renewAtMilliseconds }

    private static func seconds(_ text: String) -> Double? {
        Date(rfc3339: text)?.timeIntervalSince1970
    }
}
