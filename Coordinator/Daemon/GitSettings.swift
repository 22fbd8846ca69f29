import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import CoordinatorService
import Support
import YAMLKit

/// An entry of `git.logins`, before its secret can be read.
struct GitLoginSettings: Sendable {
    var name: String
    var address: GitAddress
    var user: String
    var secret: String

    func login(_ sources: [String: any SecretSource], _ store: any Store) -> GitLogin {
        GitLogin(
            address: address, user: user, name: name,
            secret: sources[secret] ?? StoredSecret(secret, in: store))
    }
}

/// `git:`: how the coordinator reaches the repositories of templates.
struct GitSettings: Sendable {
    var access = GitAccess()
    var logins: [GitLoginSettings] = []

    init() {}

    init(_ yaml: YAMLMapping) throws {
        let proxy = YAMLType<String>.string.checked { text in
            let schemes = ["http://", "https://", "socks5://", "socks5h://"]
            return schemes.contains { text.hasPrefix($0) }
                ? nil : "expected an address such as http://proxy.example.org:3128"
        }
        access.proxy = try yaml.takeIfPresent("proxy", proxy)
        access.noProxy = try yaml.take("no_proxy", .list(of: .string), default: [])
        let file = YAMLType<String>.string.checked { path in
            Files.kind(path) == nil ? "the file \(path) does not exist" : nil
        }
        access.authorities = try yaml.takeIfPresent("ca_file", file)
        access.knownHosts = try yaml.takeIfPresent(
            "known_hosts_file",
            file.checked {
                $0.hasPrefix("/") && !$0.contains { "'\"".contains($0) }
                    ? nil : "expected an absolute path"
            })
        access.submodules = try yaml.take("submodules", .list(of: Self.gitAddress), default: [])
            .map { GitAddress($0) }
        logins = try Self.logins(yaml)
    }

    private static func logins(_ yaml: YAMLMapping) throws -> [GitLoginSettings] {
        try yaml.take("logins", .map(of: .mapping), default: [:]).map { name, entry in
            if let problem = Names.problem(name, what: "name of a login") {
                throw yaml.error("logins", problem)
            }
            let address = GitAddress(try entry.take("url", gitAddress))
            let isSSH = address.url.hasPrefix("ssh://")
            let user = try entry.takeIfPresent("user", .string)
            if isSSH, user != nil {
                throw entry.error(
                    "user", "is for HTTPS; an address of SSH has its user: ssh://git@…")
            }
            return GitLoginSettings(
                name: name, address: address, user: user ?? "aibuild",
                secret: try entry.take("secret", secretName))
        }.sorted { $0.name < $1.name }
    }

    private static var secretName: YAMLType<String> {
        .string.checked { Names.problem($0, what: "name of a secret") }
    }

    /// Of a server, or of a folder of it.
    private static var gitAddress: YAMLType<String> {
        .string.checked { text in
            let address = GitAddress(text)
            let schemes = ["https://", "http://", "ssh://", "file://"]
            guard schemes.contains(where: text.hasPrefix) else {
                return "expected an address such as https://git.example.org/images or "
                    + "ssh://git.example.org"
            }
            return address.credential == nil
                ? nil : "the address must not have a password: keep it as a secret"
        }
    }
}
