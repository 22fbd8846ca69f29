import ArgumentKit
import Support
import TextKit

/// What `aibuild env add` and `env change` send, by their options.
struct EnvironmentForm: Encodable {
    var name: String
    /// By kind, with one entry; `nil` keeps those of a known environment.
    var settings: [String: EnvironmentAnswer.Settings]?
    /// What it lacks is kept.
    var policy: Policy?
    var secret, secretName: String?
    var unchecked: Bool

    struct Policy: Encodable {
        var guestos, images: [String]?
        var approval: Bool?
    }

    init(_ arguments: Arguments) throws {
        name = arguments.operands[0]
        let kind = arguments["kind"]
        try EnvironmentOptions.check(arguments, kind: kind)
        policy = try Self.policy(arguments)
        let cloud = try CloudsFile.cloud(arguments)
        secretName = arguments["secret"]
        guard secretName == nil || arguments["password-file"] == nil else {
            throw CommandError(.usage, "--secret and --password-file exclude each other")
        }
        secret =
            try arguments["password-file"].map(Self.password)
            ?? (secretName == nil ? cloud?.secret : nil)
        settings = try kind.map { [$0: try Self.settings($0, arguments, cloud)] }
        unchecked = arguments.has("unchecked")
    }

    /// `nil`: the policy stays as it is.
    private static func policy(_ arguments: Arguments) throws -> Policy? {
        var policy = Policy()
        if arguments.has("guestos") { policy.guestos = arguments.all("guestos") }
        if arguments.has("image") {
            let images = arguments.all("image")
            guard images.count == 1 || !images.contains("none") else {
                throw CommandError(.usage, "--image none allows no others: leave the rest out")
            }
            policy.images = images == ["none"] ? [] : images
        }
        policy.approval = arguments["approval"].map { $0 == "required" }
        let isEmpty = policy.guestos == nil && policy.images == nil && policy.approval == nil
        return isEmpty ? nil : policy
    }

    private static func settings(
        _ kind: String, _ arguments: Arguments, _ cloud: CloudsFile.Cloud?
    ) throws -> EnvironmentAnswer.Settings {
        var settings = cloud?.settings ?? EnvironmentAnswer.Settings()
        settings.username = arguments["username"] ?? settings.username
        settings.caFile = arguments["ca-file"] ?? settings.caFile
        settings.format = arguments["format"]
        func need(_ option: String) throws -> String {
            guard let value = arguments[option] else {
                throw CommandError(.usage, "Missing option for kind \(kind): --\(option)")
            }
            return value
        }
        switch kind {
        case "openstack": try openstack(&settings, arguments)
        case "registry":
            settings.url = try need("registry-url")
            settings.repository = arguments["repository"]
            settings.tag = arguments["tag"]
        default:
            settings.repository = try need("repository")
            settings.registry = arguments["registry"]
            settings.healthSeconds = try arguments.number("health-seconds")
            settings.settleSeconds = try arguments.number("settle-seconds")
            settings.hosts = try hosts(
                arguments.all("docker-host"), folder: try need("certificates"),
                containers: try need("containers"))
        }
        return settings
    }

    /// Options count more than what the file says.
    private static func openstack(
        _ settings: inout EnvironmentAnswer.Settings, _ arguments: Arguments
    ) throws {
        func take(_ field: WritableKeyPath<EnvironmentAnswer.Settings, String?>, _ option: String) {
            if let value = arguments[option] { settings[keyPath: field] = value }
        }
        take(\.authURL, "auth-url")
        take(\.project, "project")
        take(\.projectID, "project-id")
        take(\.userDomain, "user-domain")
        take(\.userDomainID, "user-domain-id")
        take(\.projectDomain, "project-domain")
        take(\.projectDomainID, "project-domain-id")
        take(\.region, "region")
        take(\.interface, "interface")
        take(\.imageURL, "image-url")
        take(\.applicationCredential, "application-credential")
        if arguments["project"] != nil { settings.projectID = nil }
        settings.visibility = arguments["visibility"]
        settings.members = arguments.all("member")
        settings.hook = arguments["hook"]
        settings.keep = try arguments.number("keep")
        if arguments["application-credential"] != nil {
            settings.authentication = "applicationCredential"
        } else if arguments.has("token") {
            settings.authentication = "token"
        }
        var needed = [("auth-url", settings.authURL)]
        if (settings.authentication ?? "password") == "password" {
            needed.append(("username", settings.username))
            needed.append(("project", settings.project ?? settings.projectID))
        }
        if let (missing, _) = needed.first(where: { $0.1 == nil }) {
            throw CommandError(.usage, "Missing option for kind openstack: --\(missing)")
        }
    }

    private static func hosts(
        _ words: [String], folder: String, containers file: String
    ) throws -> [EnvironmentAnswer.DockerHost] {
        let bytes = try Arguments.read(file, limitBytes: 1 << 20)
        guard case .object(let all) = try? JSON(parsing: bytes) else {
            throw CommandError(
                .usage, "Cannot read \(file): not a JSON object with a container for each host name"
            )
        }
        guard !words.isEmpty else {
            throw CommandError(.usage, "Missing option: --docker-host NAME=URL")
        }
        return try words.map { word in
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw CommandError(.usage, "Invalid --docker-host: \(word). Use NAME=URL")
            }
            guard let container = all[parts[0]] else {
                let there = all.keys.sorted().joined(separator: ", ")
                throw CommandError(
                    .usage, "No container for host \(parts[0]) in \(file). Found: \(there)")
            }
            return .init(
                name: parts[0], url: parts[1], certificates: "\(folder)/\(parts[0])",
                container: String(decoding: container.bytes, as: UTF8.self))
        }
    }

    /// The first line of the file: editors add a line end.
    private static func password(_ file: String) throws -> String {
        let bytes = try Arguments.read(file == "-" ? "/dev/stdin" : file, limitBytes: 4096)
        let line = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).first
        guard let line, !line.isEmpty else {
            throw CommandError(.usage, "No password in \(file)")
        }
        return String(line)
    }
}
