public import CoordinatorCore
import HTTPClientKit
import TextKit

/// `sign_in.openid` in coordinator.yml.
public struct OpenIDSettings: Sendable {
    /// As the provider calls itself, and where it describes itself.
    public var issuer: String
    /// As people know the provider.
    public var label: String
    public var clientID: String
    /// The file with the client's secret; `nil`: a public client, which PKCE alone protects.
    public var secretFile: String?
    /// Where the provider sends browsers back to.
    public var redirectURL: String
    public var scopes: [String]
    /// The claim that is the name here, and that with the groups. A dot leads into an object.
    public var nameClaim, groupsClaim: String
    /// Groups, and what each gives.
    public var roles: [String: Role]
    /// Groups, and the team that each puts into.
    public var teams: [String: String]
    /// The authorities that its certificate is trusted by; `nil`: the system's.
    public var authorities: String?

    public init(
        issuer: String, label: String, clientID: String, secretFile: String?,
        redirectURL: String, scopes: [String], nameClaim: String, groupsClaim: String,
        roles: [String: Role], teams: [String: String], authorities: String?
    ) {
        self.issuer = issuer
        self.label = label
        self.clientID = clientID
        self.secretFile = secretFile
        self.redirectURL = redirectURL
        self.scopes = scopes
        self.nameClaim = nameClaim
        self.groupsClaim = groupsClaim
        self.roles = roles
        self.teams = teams
        self.authorities = authorities
    }

    func client() -> HTTPClient {
        var limits = HTTPClientLimits()
        limits.answerBytes = 1 << 20
        // A redirect would carry codes and secrets to wherever it points.
        limits.trustedRedirects = 0
        limits.transfers = 8
        limits.waitingTransfers = 300
        return HTTPClient(limits: limits, tls: TLSFiles(authorities: authorities))
    }

    /// Where the provider describes itself.
    var descriptionURL: String {
        (issuer.utf8.last == UInt8(ascii: "/") ? String(issuer.dropLast()) : issuer)
            + OpenIDDescription.path
    }

    /// What the person has at the provider, as a user here.
    func identity(_ claims: JSON) throws(IdentityFault) -> ProvidedIdentity {
        guard let subject = claims["sub"]?.text, (1...255).contains(subject.utf8.count) else {
            throw IdentityFault(.refused, "its answer does not say who the person is (sub)")
        }
        guard let name = Self.value(nameClaim, claims)?.text, !name.isEmpty else {
            throw IdentityFault(
                .refused,
                "its answer has no name of the person: there is no claim '\(nameClaim)' "
                    + "(name_claim and scopes of sign_in.openid)")
        }
        let groups: [String] =
            switch Self.value(groupsClaim, claims) {
            case .array(let items): items.prefix(Self.groups).compactMap(\.text)
            case .string(let group): [group]
            default: []
            }
        let given = Set(groups.compactMap { roles[$0] })
        return ProvidedIdentity(
            // Subjects of two providers may be the same.
            name: name, subject: "\(issuer) \(subject)",
            role: Role.allCases.last(where: given.contains),
            teams: Set(groups.compactMap { teams[$0] }).sorted(), has: groups.sorted(),
            accepted: roles.keys.sorted())
    }

    /// More than directories allow a person.
    private static let groups = 2_000

    private static func value(_ claim: String, _ claims: JSON) -> JSON? {
        // Some have dots in their names, such as https://example.org/groups.
        if let value = claims[claim] { return value }
        return claim.split(separator: ".").reduce(claims as JSON?) { $0?[String($1)] }
    }

    /// Whether the claims say all that is asked of them.
    func isComplete(_ claims: JSON) -> Bool {
        Self.value(nameClaim, claims) != nil && Self.value(groupsClaim, claims) != nil
    }
}
