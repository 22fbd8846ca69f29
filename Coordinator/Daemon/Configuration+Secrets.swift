import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SSHKit
import Support
import TextKit
import YAMLKit

extension Configuration {
    /// `secrets:`: where the coordinator reads secrets that are not in its own store.
    static func secrets(_ yaml: YAMLMapping) throws -> [String: any SecretSource] {
        var sources: [String: any SecretSource] = [:]
        for (name, entry) in try yaml.take("secrets", .map(of: .mapping), default: [:]) {
            if let problem = Names.problem(name, what: "name of a secret") {
                throw yaml.error("secrets", problem)
            }
            sources[name] = try source(name, entry)
        }
        return sources
    }

    private static func source(_ name: String, _ yaml: YAMLMapping) throws -> any SecretSource {
        let environments = try yaml.take("environments", .list(of: .string), default: [])
        // One for environments alone is for no build.
        let guestOSes =
            environments.isEmpty
            ? try yaml.take("guest_oses", .list(of: .string))
            : try yaml.take("guest_oses", .list(of: .string), default: [])
        let listed = FarmSecret(
            name: name, guestOSes: guestOSes, environments: environments, createdMilliseconds: 0,
            changedMilliseconds: 0,
            changedBy: "")
        if let problem = listed.problem { throw yaml.error("guest_oses", problem) }
        let file = try yaml.takeIfPresent("file", absolutePath)
        let command = try yaml.takeIfPresent("command", .list(of: .string))
        let vault = try yaml.takeIfPresent("vault", .mapping)
        let timeout = try yaml.takeIfPresent("timeout", .durationSeconds)
        guard [file != nil, command != nil, vault != nil].filter(\.self).count == 1 else {
            throw yaml.error(
                "guest_oses",
                "the secret \(Names.quoted(name)) needs exactly one of file, command and vault")
        }
        if let timeout, command == nil || !(1...300).contains(timeout) {
            throw yaml.error("timeout", "is for command, and 1s to 5m")
        }
        if let file {
            var secret = FileSecret(path: file, guestOSes: guestOSes)
            secret.environments = environments
            return secret
        }
        if let command {
            guard command.first?.utf8.first == UInt8(ascii: "/") else {
                throw yaml.error("command", "expected a list that begins with an absolute path")
            }
            var secret = CommandSecret(
                command, timeoutSeconds: timeout ?? 20, guestOSes: guestOSes)
            secret.environments = environments
            return secret
        }
        var secret = VaultSecret(try settings(vault ?? yaml), guestOSes: guestOSes)
        secret.environments = environments
        return secret
    }

    private static func settings(_ yaml: YAMLMapping) throws -> VaultSettings {
        let path = YAMLType<String>.string.checked { text in
            let steps = text.split(separator: "/", omittingEmptySubsequences: false)
            return steps.contains { $0.isEmpty || $0 == "." || $0 == ".." }
                ? "expected a path such as aibuild/registry" : nil
        }
        let address = YAMLType<String>.string.checked { text in
            (text.hasPrefix("https://") || text.hasPrefix("http://")) && !text.hasSuffix("/")
                ? nil : "expected an address such as https://vault.example.org:8200"
        }
        return VaultSettings(
            address: try yaml.take("address", address),
            mount: try yaml.take("mount", path, default: "secret"),
            path: try yaml.take("path", path), field: try yaml.take("field", .string),
            tokenFile: try yaml.take("token_file", absolutePath),
            namespace: try yaml.takeIfPresent("namespace", .string),
            authorities: try yaml.takeIfPresent("ca_file", absolutePath))
    }

    private static var absolutePath: YAMLType<String> {
        .string.checked { $0.hasPrefix("/") ? nil : "expected an absolute path" }
    }
}

extension Configuration {
    func setupCheck() throws -> SetupCheck {
        var check = SetupCheck()
        switch try identity() {
        case .keyFile(let path, _): check.sshKeyFile = path
        case .agent(let socket): check.sshAgentSocket = socket
        }
        check.hooksFolder = hooksFolder
        check.secretFiles = secretFiles
        return check
    }
}
