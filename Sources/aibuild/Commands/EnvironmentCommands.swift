import FoundationEssentials
import Support
import ArgumentKit

/// `aibuild env …`: where images are released to.
enum EnvironmentCommands {
    static let all = [add, change, list, check, remove]

    private static let options = [
        CommandOption("kind", value: "KIND", "openstack, docker or registry", isRequired: true),
        CommandOption(
            "password-file", value: "FILE", "file with the password; - reads it from stdin"),
        CommandOption("unchecked", "register it even if it is unreachable"),
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

    private static let add = Command(
        name: "env add", summary: "Register an environment to release images to",
        operands: ["NAME"], options: options,
        details: [
            "The environment is checked at once: reachability, login and permissions. The password",
            "is never part of the command line, and is encrypted where it is stored.",
        ],
        examples: [
            "aibuild env add lab --kind openstack --auth-url https://lab:5000/v3 "
                + "--project images --username aibuild --password-file lab.password",
            "aibuild env add harbor --kind registry --registry-url https://harbor.example.com "
                + "--repository images/{guestos} --username ci --password-file -",
        ],
        run: { context in
            let body = try await context.api.send(
                "POST", "/api/v1/environments", try form(context))
            return try show(body, context, "Registered environment")
        })

    private static let change = Command(
        name: "env change", summary: "Replace the settings of an environment",
        operands: ["NAME"], options: options,
        details: ["Without --password-file, the password is kept."],
        examples: [
            "aibuild env change lab --kind openstack --auth-url https://lab:5000/v3 "
                + "--project images --username aibuild --visibility public"
        ],
        run: { context in
            let body = try await context.api.send("PUT", path(context), try form(context))
            return try show(body, context, "Changed environment")
        })

    private static let list = Command(
        name: "env list", summary: "List environments", examples: ["aibuild env list"],
        run: { context in
            let body = try await context.api.get("/api/v1/environments")
            return try context.show(body, as: Page<EnvironmentAnswer>.self) { page in
                var table = Table("NAME", "KIND", "REGISTERED", "WHERE")
                for item in page.items {
                    table.add(
                        .init(item.name, .bold), .init(item.kind),
                        .init(Format.age(item.createdAt)),
                        .init(item.settings.place))
                }
                context.print(
                    table, orElse: "No environments. Register one: aibuild env add --help")
            }
        })

    private static let check = Command(
        name: "env check", summary: "Check that a release to an environment can succeed",
        operands: ["NAME"], examples: ["aibuild env check lab"],
        run: { context in
            let body = try await context.api.send("POST", path(context) + "/check")
            return try show(body, context, "Checked environment")
        })

    private static let remove = Command(
        name: "env remove", summary: "Remove an environment; images released there stay",
        operands: ["NAME"], examples: ["aibuild env remove lab"],
        run: { context in
            _ = try await context.api.send("DELETE", path(context))
            context.say("Removed environment \(context.name)")
            return .ok
        })

    private static func show(
        _ body: [UInt8], _ context: CommandContext, _ done: String
    ) throws -> ExitCode {
        return try context.show(body, as: EnvironmentAnswer.self) { answer in
            for finding in answer.findings ?? [] {
                let mark = finding.level == "ok" ? "ok     " : "warning"
                context.console.out("\(mark)  \(SafeText.line(finding.text))\n")
            }
            context.console.out("\(done) \(SafeText.line(answer.name))\n")
        }
    }

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/environments/" + APIClient.segment(context.arguments.operands[0])
    }

    // MARK: The form

    private struct Form: Encodable {
        var name: String
        var settings: [String: EnvironmentAnswer.Settings]
        var secret: String?
        var unchecked: Bool
    }

    private static func form(_ context: CommandContext) throws -> Form {
        let arguments = context.arguments
        let kind = arguments["kind"] ?? ""
        guard ["openstack", "docker", "registry"].contains(kind) else {
            throw CommandError(.usage, "Unknown kind: \(kind). Use openstack, docker or registry")
        }
        return Form(
            name: arguments.operands[0], settings: [kind: try settings(kind, arguments)],
            secret: try arguments["password-file"].map(password),
            unchecked: arguments.has("unchecked"))
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
        guard let all = try? JSONDecoder().decode([String: JSONText].self, from: Data(bytes))
        else {
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
                container: container.text)
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
