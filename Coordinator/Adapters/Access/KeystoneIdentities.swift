import BuildProtocol
public import CoordinatorCore
import HTTPClientKit
import OpenStackKit

/// `sign_in.keystone` in coordinator.yml.
public struct KeystoneSettings: Sendable {
    public var url: String
    /// Of the users whose names say no other.
    public var domain: String
    /// Others, whose users sign in as `NAME@DOMAIN`.
    public var domains: [String]
    /// Whose roles count, and its domain.
    public var project, projectDomain: String
    /// Roles of the project, and what each gives.
    public var roles: [String: Role]
    public var teams: [String]
    /// The authorities that its certificate is trusted by; `nil`: the system's.
    public var authorities: String?

    public init(
        url: String, domain: String, domains: [String] = [], project: String,
        projectDomain: String,
        roles: [String: Role], teams: [String], authorities: String?
    ) {
        self.url = url
        self.domain = domain
        self.domains = domains
        self.project = project
        self.projectDomain = projectDomain
        self.roles = roles
        self.teams = teams
        self.authorities = authorities
    }
}

/// Signs in whom Keystone knows. Its answer gives roles by the names in the settings, and nothing
/// else: an evil one gets no further than what it is asked for.
public struct KeystoneIdentities: IdentityProvider {
    private let settings: KeystoneSettings

    public init(_ settings: KeystoneSettings) { self.settings = settings }

    public var source: Principal.Source { .keystone }

    public func identity(
        _ name: String, _ password: String
    ) async throws -> ProvidedIdentity? {
        let (user, domain) = parts(of: name)
        let login = CloudLogin(
            authURL: settings.url, .password(password, user: user, domain: .name(domain)),
            project: .name(settings.project, domain: .name(settings.projectDomain)))
        let http = HTTPClient(tls: TLSFiles(authorities: settings.authorities))
        let found: [String]
        do throws(CloudError) {
            found = try await CloudSession(login, http: http).roles()
        } catch {
            switch error.code {
            case .credentials: return nil
            case .project: return identity(name, has: [])
            default: throw PasswordFault(.busy, "Keystone cannot be asked: \(error)")
            }
        }
        return identity(name, has: found)
    }

    /// Keystone's own names may have an @, such as that of an e-mail address.
    private func parts(of name: String) -> (user: String, domain: String) {
        for domain in settings.domains where name.hasSuffix("@" + domain) {
            return (String(name.dropLast(domain.count + 1)), domain)
        }
        return (name, settings.domain)
    }

    private func identity(_ name: String, has roles: [String]) -> ProvidedIdentity {
        // Keystone compares names of roles without regard to case.
        let given = settings.roles.filter { entry in
            roles.contains { $0.lowercased() == entry.key.lowercased() }
        }
        let best = Role.allCases.last { given.values.contains($0) }
        return ProvidedIdentity(
            name: name, role: best, teams: settings.teams,
            has: roles.sorted().map { "the role \($0) in the project \(settings.project)" },
            accepted: settings.roles.keys.sorted())
    }
}
