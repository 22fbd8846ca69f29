import ArgumentKit
import Support
import TextKit
import YAMLKit

/// `clouds.yaml`, the file in which OpenStack's own tools keep logins, and the `secure.yaml` beside
/// it, whose values count more.
enum CloudsFile {
    /// What one cloud of the file sets.
    struct Cloud {
        var settings = EnvironmentAnswer.Settings()
        var secret: String?
    }

    /// - Returns: `nil` without `--clouds-yaml`.
    static func cloud(_ arguments: Arguments) throws -> Cloud? {
        guard let path = arguments["clouds-yaml"] else {
            if arguments.has("cloud") {
                throw CommandError(.usage, "Option --cloud needs --clouds-yaml FILE")
            }
            return nil
        }
        let clouds = try Values(file: path).inner("clouds")
        guard let clouds else {
            throw CommandError(.usage, "\(path) has no 'clouds': it is not a clouds.yaml")
        }
        let names = clouds.keys
        let name = try arguments["cloud"] ?? only(names, "cloud", "--cloud", in: path)
        guard let cloud = try clouds.inner(name) else {
            let hint = Suggestion.hint(for: name, in: names)
            throw CommandError(
                .usage,
                "\(path) has no cloud '\(name)'"
                    + (hint ?? "; it has \(names.joined(separator: ", "))"))
        }
        let beside = Files.folder(of: path) + "/secure.yaml"
        let secure =
            Files.exists(beside) ? try Values(file: beside).inner("clouds")?.inner(name) : nil
        return try Reader(path: path, name: name, layers: [secure, cloud].compactMap(\.self))
            .cloud(region: arguments["region"])
    }

    fileprivate static func only(
        _ names: [String], _ what: String, _ option: String, in path: String
    ) throws -> String {
        guard let first = names.first, names.count == 1 else {
            throw CommandError(
                .usage,
                "\(path) has several \(what)s: \(names.joined(separator: ", ")). Choose one with "
                    + option)
        }
        return first
    }
}

/// A mapping of a YAML file whose values are read as texts, whatever their type: a password of
/// digits is a password.
private struct Values {
    private let file: String
    private let entries: [YAMLEntry]

    init(file: String) throws(CommandError) {
        let root: YAMLNode
        do throws(YAMLError) { root = try YAMLDocument.load(file) } catch {
            throw CommandError(.usage, "\(error)")
        }
        try self.init(root, file)
    }

    private init(_ node: YAMLNode, _ file: String) throws(CommandError) {
        self.file = file
        switch node.content {
        case .mapping(let entries): self.entries = entries
        case .scalar("", _): entries = []
        default:
            throw CommandError(
                .usage, "\(file):\(node.line):\(node.column): expected a mapping")
        }
    }

    var keys: [String] { entries.map(\.key) }

    func node(_ key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }

    func inner(_ key: String) throws(CommandError) -> Values? {
        guard let node = node(key) else { return nil }
        return try Values(node, file)
    }

    func text(_ key: String) -> String? {
        guard case .scalar(let text, _)? = node(key)?.content, !text.isEmpty else { return nil }
        return text
    }
}

/// Reads one cloud.
private struct Reader {
    let path: String
    let name: String
    /// The first one that has a value counts.
    let layers: [Values]

    private func text(_ keys: String...) -> String? {
        keys.lazy.compactMap { key in layers.lazy.compactMap { $0.text(key) }.first }.first
    }

    /// From `auth`, or, as some write it, from beside it.
    private func login(_ keys: String...) throws -> String? {
        let inner = try layers.compactMap { try $0.inner("auth") }
        for key in keys {
            if let value = (inner + layers).lazy.compactMap({ $0.text(key) }).first {
                return value
            }
        }
        return nil
    }

    private func refused(_ why: String) -> CommandError {
        CommandError(.usage, "Cloud '\(name)' of \(path) \(why)")
    }

    func cloud(region: String?) throws -> CloudsFile.Cloud {
        var cloud = CloudsFile.Cloud()
        cloud.settings.authURL = try login("auth_url")
        if cloud.settings.authURL == nil {
            throw refused("has no auth_url: add it, or name it with --auth-url")
        }
        if text("verify")?.lowercased() == "false" || text("insecure")?.lowercased() == "true" {
            throw refused(
                "does not verify certificates, which is always done here: name the PEM file of its "
                    + "authority with --ca-file, and remove 'verify'")
        }
        if let file = text("cacert") {
            guard file.isAbsolutePath else {
                throw refused(
                    "has the cacert '\(file)': write the absolute path it has on the "
                        + "coordinator, or use --ca-file")
            }
            cloud.settings.caFile = file
        }
        if text("identity_api_version")?.hasPrefix("2") == true {
            throw refused("is for Identity v2, which is gone since 2018: use v3")
        }
        try readLogin(&cloud)
        cloud.settings.region = try region ?? text("region_name") ?? onlyRegion()
        // `publicURL` in old files.
        cloud.settings.interface = text("interface", "endpoint_type")?.replacing("URL", with: "")
        cloud.settings.imageURL = text("image_endpoint_override")
        return cloud
    }

    private func readLogin(_ cloud: inout CloudsFile.Cloud) throws {
        let credential = try login("application_credential_id")
        let token = try login("token")
        let type = text("auth_type") ?? (credential != nil ? "v3applicationcredential" : "password")
        switch type {
        case "v3applicationcredential":
            guard let credential else {
                throw refused(
                    "has an application credential by its name: write application_credential_id, "
                        + "as 'openstack application credential show' prints it")
            }
            cloud.settings.authentication = "applicationCredential"
            cloud.settings.applicationCredential = credential
            cloud.secret = try login("application_credential_secret")
            return
        case "token", "v3token":
            cloud.settings.authentication = "token"
            cloud.secret = token
        case "password", "v3password":
            guard let user = try login("username", "user_name") else {
                throw refused("has no username")
            }
            cloud.settings.username = user
            cloud.settings.userDomain = try login("user_domain_name")
            cloud.settings.userDomainID = try login("user_domain_id")
            cloud.secret = try login("password")
        default:
            throw refused(
                "logs in by \(type): password, v3applicationcredential and token are possible; "
                    + "make an application credential: openstack application credential create"
            )
        }
        // A project's id alone is enough.
        cloud.settings.projectID = try login("project_id", "tenant_id")
        if cloud.settings.projectID == nil {
            cloud.settings.project = try login("project_name", "tenant_name")
            cloud.settings.projectDomain = try login("project_domain_name")
            cloud.settings.projectDomainID = try login("project_domain_id")
        }
    }

    private func onlyRegion() throws -> String? {
        guard
            case .sequence(let nodes)? = layers.lazy.compactMap({ $0.node("regions") }).first?
                .content
        else { return nil }
        let names = nodes.compactMap { node -> String? in
            switch node.content {
            case .scalar(let name, _): name
            case .mapping(let entries):
                if case .scalar(let name, _)? = entries.first(where: { $0.key == "name" })?.value
                    .content
                {
                    name
                } else {
                    nil
                }
            case .sequence: nil
            }
        }
        return names.isEmpty ? nil : try CloudsFile.only(names, "region", "--region", in: path)
    }
}
