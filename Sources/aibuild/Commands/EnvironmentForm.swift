import ArgumentKit
import Support
import TextKit

/// What `aibuild env add` and `env change` send, and the options that say it.
struct EnvironmentForm: Encodable {
    var name: String
    /// By kind, with one entry; `nil` keeps those of a known environment.
    var settings: [String: EnvironmentAnswer.Settings]?
    /// What it lacks is kept.
    var policy: Policy?
    var secret: String?
    var unchecked: Bool

    struct Policy: Encodable {
        var guestos, images: [String]?
        var approval: Bool?
    }

    init(_ arguments: Arguments) throws {
        name = arguments.operands[0]
        settings = try Self.settings(arguments)
        policy = try Self.policy(arguments)
        secret = try arguments["password-file"].map(Self.password)
        unchecked = arguments.has("unchecked")
    }

    // MARK: The options

    static func options(isNew: Bool) -> [CommandOption] {
        [
            CommandOption(
                "kind", value: "KIND", "openstack, docker or registry", isRequired: isNew)
        ] + all
    }

    private static let all = [
        CommandOption(
            "guestos", value: "PATTERN",
            "guest OSes whose images it takes, may contain * (default: all)", repeats: true),
        CommandOption(
            "image", value: "PATTERN",
            "image names that a template may choose, may contain * and {guestos}; the literal none "
                + "for the guest OS's own name only (default)", repeats: true),
        CommandOption(
            "approval", value: "WORD",
            "required: a person must agree to each automatic release; or none (default)"),
        CommandOption(
            "password-file", value: "FILE", "file with the password; - reads it from stdin"),
        CommandOption("unchecked", "do not check whether images can be released there"),
        CommandOption("username", value: "NAME", "user to log in as"),
        CommandOption("ca-file", value: "FILE", "CA bundle to trust, on the coordinator"),
        CommandOption("format", value: "FORMAT", "qcow2 or raw (default: as built)"),
        CommandOption("auth-url", value: "URL", "openstack: URL of Keystone"),
        CommandOption("project", value: "NAME", "openstack: project that owns the images"),
        CommandOption(
            "user-domain", value: "NAME", "openstack: domain of the user (default: Default)"),
        CommandOption(
            "project-domain", value: "NAME", "openstack: domain of the project (default: Default)"),
        CommandOption(
            "region", value: "NAME", "openstack: region (default: the only one in the catalog)"),
        CommandOption(
            "interface", value: "NAME", "openstack: endpoint: public, internal or admin"),
        CommandOption(
            "visibility", value: "WORD",
            "openstack: visibility of images: private, shared, community or public"),
        CommandOption(
            "member", value: "PROJECT", "openstack: ID of a project to share with", repeats: true),
        CommandOption(
            "keep", value: "N", "openstack: number of replaced images to keep (default: 2)"),
        CommandOption(
            "hook", value: "NAME",
            "openstack: program in hooks_folder that must approve each release"),
        CommandOption(
            "registry-url", value: "URL", "registry: URL, such as https://registry.example.com"),
        CommandOption(
            "repository", value: "NAME", "registry, docker: repository, may contain {guestos}"),
        CommandOption(
            "tag", value: "TAG", "registry: tag of the newest image (default: latest)"),
        CommandOption(
            "docker-host", value: "NAME=URL", "docker: a host to release to", repeats: true),
        CommandOption(
            "certificates", value: "FOLDER",
            "docker: on the coordinator, with NAME/{ca,cert,key}.pem for each host"),
        CommandOption(
            "containers", value: "FILE", "docker: JSON with each host's container, by host name"),
        CommandOption("registry", value: "ENV", "docker: push to this registry environment first"),
        CommandOption(
            "health-seconds", value: "N",
            "docker: time for a health check to pass (default: 180)"),
        CommandOption(
            "settle-seconds", value: "N",
            "docker: time to run for a container without a health check (default: 10)"),
    ]

    // MARK: Their values

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
        switch arguments["approval"] {
        case nil: break
        case "required": policy.approval = true
        case "none": policy.approval = false
        case let word?:
            throw CommandError(.usage, "Unknown --approval: \(word). Use required or none")
        }
        let isEmpty = policy.guestos == nil && policy.images == nil && policy.approval == nil
        return isEmpty ? nil : policy
    }

    /// `nil`: the settings stay as they are.
    private static func settings(
        _ arguments: Arguments
    ) throws -> [String: EnvironmentAnswer.Settings]? {
        guard let kind = arguments["kind"] else {
            // None of them has a meaning without the kind.
            let others = ["guestos", "image", "approval", "password-file", "unchecked"]
            guard
                let stray = all.first(where: { option in
                    !others.contains(option.long) && arguments.has(option.long)
                })
            else { return nil }
            throw CommandError(.usage, "Option --\(stray.long) needs --kind and all settings")
        }
        guard ["openstack", "docker", "registry"].contains(kind) else {
            throw CommandError(.usage, "Unknown kind: \(kind). Use openstack, docker or registry")
        }
        return [kind: try settings(kind, arguments)]
    }

    private static func settings(
        _ kind: String, _ arguments: Arguments
    ) throws -> EnvironmentAnswer.Settings {
        var settings = EnvironmentAnswer.Settings()
        settings.username = arguments["username"]
        settings.caFile = arguments["ca-file"]
        settings.format = arguments["format"]
        func need(_ option: String) throws -> String {
            guard let value = arguments[option] else {
                throw CommandError(.usage, "Missing option for kind \(kind): --\(option)")
            }
            return value
        }
        switch kind {
        case "openstack":
            settings.authURL = try need("auth-url")
            settings.project = try need("project")
            settings.username = try need("username")
            settings.userDomain = arguments["user-domain"]
            settings.projectDomain = arguments["project-domain"]
            settings.region = arguments["region"]
            settings.interface = arguments["interface"]
            settings.visibility = arguments["visibility"]
            settings.members = arguments.all("member")
            settings.hook = arguments["hook"]
            settings.keep = try arguments.number("keep")
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
