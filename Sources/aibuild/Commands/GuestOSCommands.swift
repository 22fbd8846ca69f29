import FoundationEssentials
import ArgumentKit

/// `aibuild guestos …`
enum GuestOSCommands {
    static let all = [
        add, change, list, show, GrantCommands.grant, GrantCommands.revoke, gitlab,
        RenameCommands.guestOS, remove,
    ]

    private struct Form: Encodable {
        var name, type: String
        var distro, version, baseISO, owner: String?
        var template: GuestOSAnswer.Template?
        var templatePath: String?
        var variables: [String: String]?
        var retired: Bool?
    }

    private static let fields = [
        CommandOption("git", value: "URL", "Git repository of the template"),
        CommandOption("ref", value: "REF", "branch, tag or commit (default: the repository's own)"),
        CommandOption("path", value: "DIR", "folder of the repository with aibuild.yml"),
        CommandOption("template", value: "FOLDER", "or: folder of the template on the coordinator"),
        CommandOption("distro", value: "NAME", "distribution, such as debian or centos"),
        CommandOption("version", value: "VERSION", "version, such as 12 or 2016"),
        CommandOption("base-iso", value: "URL", "ISO that it is installed from"),
        CommandOption(
            "owner", value: "NAME",
            "team that it belongs to, and that fair sharing charges (default: your team)"),
        CommandOption(
            "var", value: "NAME=VALUE", "variable that overrides aibuild.yml's", repeats: true),
    ]

    private static let add = Command(
        name: "guestos add", summary: "Register a guest OS",
        operands: ["NAME"],
        options: [
            CommandOption("type", value: "TYPE", "linux or windows", isRequired: true)
        ] + fields,
        details: [
            "The template is read at once, so that a fault in it is reported now, not by the",
            "first build. It comes from --git or --template. If the coordinator is set up for",
            "GitLab, neither is needed: it creates the project NAME_tpl there, with a push hook.",
            "Many templates may share one repository, with --path, and many guest OSes may share",
            "one template, with --var.",
        ],
        examples: [
            "aibuild guestos add debian12 --type linux --distro debian --version 12 "
                + "--git https://git.example.com/debian12_tpl.git",
            "aibuild guestos add rocky9 --type linux --git https://git.example.com/images.git "
                + "--path images/el --var version=9 --var mirror=http://mirror.example.com",
            "aibuild guestos add win2016 --type windows --template /srv/templates/win2016",
        ],
        run: { context in
            let arguments = context.arguments
            try arguments.check("type", isOneOf: types)
            let template = try template(arguments)
            guard template != nil || arguments["ref"] == nil else {
                throw CommandError(.usage, "Option --ref needs --git")
            }
            let form = Form(
                name: arguments.operands[0], type: arguments["type"] ?? "",
                distro: arguments["distro"], version: arguments["version"],
                baseISO: arguments["base-iso"], owner: arguments["owner"],
                template: template, templatePath: arguments["path"],
                variables: try arguments.variables(over: [:]))
            let body = try await context.api.send("POST", "/api/v1/guestos", form)
            return try context.show(body, as: GuestOSAnswer.self) { answer in
                let name = answer.name
                if let report = answer.gitlab { context.printGitLab(report) }
                context.console.out(
                    "Registered guest OS \(SafeText.line(name)). Build it: aibuild build "
                        + "\(SafeText.line(name)) --follow\n")
            }
        })

    static let types = ["linux", "windows"]

    private static let changes =
        [CommandOption("type", value: "TYPE", "linux or windows")] + fields + [
            CommandOption(
                "unset-var", value: "NAME", "variable that aibuild.yml sets again", repeats: true),
            CommandOption("restore", "let it be built again, after it was retired"),
        ]

    private static let change = Command(
        name: "guestos change", summary: "Change a guest OS",
        operands: ["NAME"],
        options: changes,
        details: [
            "Settings that are not given are kept. A new template is read at once.",
            "--path \"\" is the root of the repository.",
        ],
        examples: ["aibuild guestos change debian12 --version 12.1 --ref stable"],
        run: { context in
            let arguments = context.arguments
            try context.requireOption(of: changes)
            try arguments.check("type", isOneOf: types)
            let name = arguments.operands[0]
            let path = "/api/v1/guestos/\(APIClient.segment(name))"
            let known = try APIClient.decode(
                GuestOSAnswer.self, try await context.api.get(path))
            var template = try template(arguments) ?? known.template
            if let ref = arguments["ref"] {
                guard template.kind == "git" else {
                    throw CommandError(.usage, "Option --ref needs --git")
                }
                template.ref = ref
            }
            let form = Form(
                name: known.name, type: arguments["type"] ?? known.type,
                distro: arguments["distro"] ?? known.distro,
                version: arguments["version"] ?? known.version,
                baseISO: arguments["base-iso"] ?? known.baseISO,
                owner: arguments["owner"] ?? known.owner,
                // The default is the project at the GitLab server.
                template: template.kind == "missing" ? nil : template,
                // A path belongs to its repository.
                templatePath: arguments["path"]
                    ?? (template.isSameRepository(as: known.template) ? known.templatePath : nil),
                variables: try arguments.variables(over: known.variables ?? [:]),
                retired: arguments.has("restore") ? false : nil)
            let body = try await context.api.send("PUT", path, form)
            return try context.show(body, as: GuestOSAnswer.self) { answer in
                if let report = answer.gitlab { context.printGitLab(report) }
                context.console.out("Changed guest OS \(SafeText.line(name))\n")
            }
        })

    private static let remove = Command(
        name: "guestos remove", summary: "Remove a guest OS, or retire it if it has builds",
        operands: ["NAME"],
        details: [
            "One that has builds is retired: it takes no new ones, and those that it has keep",
            "their images, logs and releases. Queued builds still run. Its template and its",
            "project on the GitLab server stay. Undo it: aibuild guestos change NAME --restore",
        ],
        examples: ["aibuild guestos remove debian9"],
        run: { context in
            let name = APIClient.segment(context.arguments.operands[0])
            let body = try await context.api.send("DELETE", "/api/v1/guestos/\(name)")
            return try context.show(body, as: RemovalAnswer.self) { answer in
                let name = context.name
                context.console.out(
                    answer.retired
                        ? "Retired guest OS \(name): it has builds, which stay, and takes no new "
                            + "ones. Undo it: aibuild guestos change \(name) --restore\n"
                        : "Removed guest OS \(name)\n")
            }
        })

    private static let gitlab = Command(
        name: "guestos gitlab", summary: "Create the GitLab project and push hook of a guest OS",
        operands: ["NAME"],
        details: [
            "Registering does this already. Repeat it after GitLab was unreachable, after the hook",
            "was changed by hand, or after its secret was changed. What exists is kept.",
        ],
        examples: ["aibuild guestos gitlab debian12"],
        run: { context in
            let name = APIClient.segment(context.arguments.operands[0])
            let body = try await context.api.send("POST", "/api/v1/guestos/\(name)/gitlab")
            let answer = try APIClient.decode(GuestOSAnswer.self, body)
            if context.wantsJSON {
                context.printJSON(body)
            } else if let report = answer.gitlab {
                context.printGitLab(report)
            }
            return answer.gitlab?.problem == nil ? .ok : .refused
        })

    /// The branch that the repository itself names as its default.
    private static let defaultRef = "HEAD"

    /// `nil` when neither is given.
    private static func template(
        _ arguments: Arguments
    ) throws(CommandError) -> GuestOSAnswer.Template? {
        switch (arguments["git"], arguments["template"]) {
        case (let url?, nil):
            return .init(kind: "git", path: nil, url: url, ref: arguments["ref"] ?? defaultRef)
        case (nil, let path?):
            guard arguments["ref"] == nil else {
                throw CommandError(.usage, "Option --ref needs --git")
            }
            return .init(kind: "folder", path: absolute(path), url: nil, ref: nil)
        case (nil, nil): return nil
        default: throw CommandError(.usage, "Options --git and --template exclude each other")
        }
    }

    private static let list = Command(
        name: "guestos list", summary: "List guest OSes",
        options: CommandContext.pageOptions, examples: ["aibuild guestos list"],
        run: { context in
            let body = try await context.api.get("/api/v1/guestos", query: context.pageQuery)
            return try context.show(body, as: Page<GuestOSAnswer>.self) { page in
                var table = Table(
                    "NAME", "TYPE", "DISTRO", "VERSION", "OWNER", "TEMPLATE", "NOTE",
                    spare: ["OWNER", "DISTRO", "VERSION"])
                for item in page.items {
                    table.add(
                        .init(item.name, .bold), .init(item.type), .init(item.distro ?? ""),
                        .init(item.version ?? ""), .init(item.owner ?? ""),
                        .init(shown(item.template) + (item.templatePath.map { " (\($0))" } ?? "")),
                        .init(item.retired == true ? "retired" : ""))
                }
                context.print(
                    table, orElse: "No guest OSes. Register one: aibuild guestos add --help")
                context.printMore(page.next)
            }
        })

    private static let show = Command(
        name: "guestos show", summary: "Show a guest OS", operands: ["NAME"],
        examples: ["aibuild guestos show debian12"],
        run: { context in
            let name = APIClient.segment(context.arguments.operands[0])
            let body = try await context.api.get("/api/v1/guestos/\(name)")
            return try context.show(body, as: GuestOSAnswer.self) { item in
                context.print(
                    [
                        ("name", item.name), ("type", item.type), ("distro", item.distro),
                        ("version", item.version), ("base ISO", item.baseISO),
                        ("owner", item.owner),
                        ("builds", item.retired == true ? "retired: no new ones" : nil),
                        ("template", shown(item.template)), ("path", item.templatePath),
                        ("registered", item.createdAt.map { Format.time($0) }),
                    ] + (item.grants ?? []).map { ("granted", $0.words) }
                        + (item.triggers?.details ?? [])
                        + (item.variables ?? [:]).sorted { $0.key < $1.key }
                        .map { ("variable", "\($0.key)=\($0.value)") })
            }
        })

    private static func shown(_ template: GuestOSAnswer.Template) -> String {
        if template.kind == "missing" { return "none yet" }
        let ref = template.ref == defaultRef ? "its default branch" : template.ref
        return template.path ?? [template.url, ref].compactMap { $0 }.joined(separator: " at ")
    }

    /// The coordinator's working directory is not this shell's.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
