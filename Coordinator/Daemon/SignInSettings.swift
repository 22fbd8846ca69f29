import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import HTTPTypes
import Support
import YAMLKit

/// `sign_in:` in coordinator.yml: who signs in beside this coordinator's own users.
struct SignInSettings {
    private(set) var keystone: KeystoneIdentities?
    private(set) var openID: OpenIDSettings?
    /// Without words.
    private var issuerPlace: YAMLError?

    var secretFiles: [String] { [openID?.secretFile].compactMap(\.self) }

    init() {}

    /// - Parameter url: of this coordinator, as browsers reach it.
    init(_ yaml: YAMLMapping, url: String) throws {
        keystone = try yaml.takeIfPresent("keystone", .mapping).map(Self.keystone)
        if let given = try yaml.takeIfPresent("openid", .mapping) {
            openID = try Self.openID(given, url)
            issuerPlace = given.error("issuer", "")
        }
    }

    /// Asks the provider that people sign in by.
    /// - Throws: `Failure` if nobody could be signed in by it. One that cannot be reached is a
    ///   warning.
    func check(_ say: (String) -> Void) async throws {
        guard let openID, var place = issuerPlace else { return }
        var refusals: [String] = []
        for finding in await OpenIDCheck(openID).findings() {
            place.message = finding.words
            if finding.isWarning { say("Warning: \(place)") } else { refusals.append("\(place)") }
        }
        guard refusals.isEmpty else { throw Failure(refusals.joined(separator: "; ")) }
    }

    private static func keystone(_ yaml: YAMLMapping) throws -> KeystoneIdentities {
        let roles = try roles(yaml, "name at least one role of Keystone, such as member: operator")
        let teams = try yaml.take("teams", .list(of: .string), default: [])
        for team in teams { try check(team: team, yaml) }
        let domain = try yaml.take("domain", .string, default: "Default")
        return KeystoneIdentities(
            KeystoneSettings(
                url: try yaml.take("url", Configuration.webURL), domain: domain,
                domains: try yaml.take("domains", .list(of: .string), default: []),
                project: try yaml.take("project", .string),
                projectDomain: try yaml.take("project_domain", .string, default: domain),
                roles: roles, teams: teams,
                authorities: try yaml.takeIfPresent("ca_file", .string)))
    }

    private static func openID(_ yaml: YAMLMapping, _ url: String) throws -> OpenIDSettings {
        let teams = try yaml.take("teams", .map(of: .string), default: [:])
        for team in teams.values { try check(team: team, yaml) }
        let scopes = try yaml.take(
            "scopes", .list(of: .string), default: ["openid", "profile", "email"])
        guard scopes.contains("openid") else {
            throw yaml.error("scopes", "openid must be among them")
        }
        return OpenIDSettings(
            issuer: try yaml.take("issuer", issuer),
            label: try yaml.take("label", .string, default: "OpenID Connect"),
            clientID: try yaml.take("client_id", .string),
            secretFile: try yaml.takeIfPresent("client_secret_file", .string),
            redirectURL: (url.hasSuffix("/") ? String(url.dropLast()) : url)
                + SignInSettings.redirectPath,
            scopes: scopes,
            nameClaim: try yaml.take("name_claim", .string, default: "preferred_username"),
            groupsClaim: try yaml.take("groups_claim", .string, default: "groups"),
            roles: try roles(yaml, "name at least one group, such as image-builders: operator"),
            teams: teams, authorities: try yaml.takeIfPresent("ca_file", .string))
    }

    static let redirectPath = "/sign-in/openid/callback"

    private static var issuer: YAMLType<String> {
        .string.checked { text in
            guard let origin = WebAddress(text)?.origin else {
                return "expected an address such as https://login.example.org/realms/farm"
            }
            let isHere = Authority(origin.host)?.isLoopback ?? false
            return origin.isEncrypted || isHere
                ? nil : "needs https: whoever sees the network would sign in as anybody"
        }
    }

    private static func roles(_ yaml: YAMLMapping, _ remedy: String) throws -> [String: Role] {
        let roles = try yaml.take("roles", .map(of: YAMLType<Role>.word))
        guard !roles.isEmpty else { throw yaml.error("roles", remedy) }
        return roles
    }

    private static func check(team: String, _ yaml: YAMLMapping) throws {
        if team != "*", let problem = Names.registeredProblem(team, what: "name of a team") {
            throw yaml.error("teams", problem)
        }
    }
}
