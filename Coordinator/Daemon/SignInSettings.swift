import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import YAMLKit

/// `sign_in:` in coordinator.yml: who signs in beside this coordinator's own users.
enum SignInSettings {
    static func provider(of yaml: YAMLMapping) throws -> (any IdentityProvider)? {
        guard let given = try yaml.takeIfPresent("sign_in", .mapping),
            let keystone = try given.takeIfPresent("keystone", .mapping)
        else { return nil }
        let roles = try keystone.take("roles", .map(of: YAMLType<Role>.word))
        guard !roles.isEmpty else {
            throw keystone.error(
                "roles", "name at least one role of Keystone, such as member: operator")
        }
        let teams = try keystone.take("teams", .list(of: .string), default: [])
        for team in teams where team != "*" {
            if let problem = Names.registeredProblem(team, what: "name of a team") {
                throw keystone.error("teams", problem)
            }
        }
        let domain = try keystone.take("domain", .string, default: "Default")
        return KeystoneIdentities(
            KeystoneSettings(
                url: try keystone.take("url", Configuration.webURL), domain: domain,
                project: try keystone.take("project", .string),
                projectDomain: try keystone.take("project_domain", .string, default: domain),
                roles: roles, teams: teams,
                authorities: try keystone.takeIfPresent("ca_file", .string)))
    }
}
