import FoundationEssentials

/// `aibuild guestos …`
enum GuestOSCommands {
    static let all = [add, list, show]

    private struct Form: Encodable {
        var name, type: String
        var distro, version, baseISO, owner: String?
        var template: GuestOSAnswer.Template
    }

    private static let add = Command(
        name: "guestos add", summary: "register a guest OS that can then be built",
        operands: ["NAME"],
        options: [
            CommandOption("type", value: "TYPE", "linux or windows", isRequired: true),
            CommandOption("git", value: "URL", "the Git repository of its Packer template"),
            CommandOption("ref", value: "REF", "branch, tag or commit in it; main if not given"),
            CommandOption(
                "template", value: "FOLDER", "or: the template's folder on the coordinator"),
            CommandOption("distro", value: "NAME", "debian, centos, windows …"),
            CommandOption("version", value: "VERSION", "12, 7.5, 2016 …"),
            CommandOption("base-iso", value: "URL", "the ISO that it is installed from"),
            CommandOption("owner", value: "NAME", "team that fair sharing counts it for"),
        ],
        details: [
            "The template is read at once, so that a broken one is told now and not when it is",
            "built. It comes from --git or from --template.",
        ],
        examples: [
            "aibuild guestos add debian12 --type linux --distro debian --version 12 "
                + "--git https://git.example.com/debian12_tpl.git",
            "aibuild guestos add win2016 --type windows --template /srv/templates/win2016",
        ],
        run: { context in
            let arguments = context.arguments
            let template: GuestOSAnswer.Template
            switch (arguments["git"], arguments["template"]) {
            case (let url?, nil):
                template = .init(
                    kind: "git", path: nil, url: url, ref: arguments["ref"] ?? "main")
            case (nil, let path?):
                guard arguments["ref"] == nil else {
                    throw CommandError(.usage, "--ref belongs to --git")
                }
                template = .init(kind: "folder", path: absolute(path), url: nil, ref: nil)
            default:
                throw CommandError(.usage, "say where the template is: --git or --template")
            }
            let form = Form(
                name: arguments.operands[0], type: arguments["type"] ?? "",
                distro: arguments["distro"], version: arguments["version"],
                baseISO: arguments["base-iso"], owner: arguments["owner"], template: template)
            let body = try await context.api.send("POST", "/api/v1/guestos", form)
            if context.wantsJSON {
                context.printJSON(body)
            } else {
                let name = try APIClient.decode(GuestOSAnswer.self, body).name
                context.console.out(
                    "guest OS \(SafeText.line(name)) is registered; build it: aibuild build "
                        + "\(SafeText.line(name)) --follow\n")
            }
            return .ok
        })

    private static let list = Command(
        name: "guestos list", summary: "list the guest OSes",
        options: CommandContext.pageOptions, examples: ["aibuild guestos list"],
        run: { context in
            let body = try await context.api.get("/api/v1/guestos", query: context.pageQuery)
            if context.wantsJSON {
                context.printJSON(body)
                return .ok
            }
            let page = try APIClient.decode(Page<GuestOSAnswer>.self, body)
            var table = Table("NAME", "TYPE", "DISTRO", "VERSION", "OWNER", "TEMPLATE")
            for item in page.items {
                table.add(
                    .init(item.name, .bold), .init(item.type), .init(item.distro ?? ""),
                    .init(item.version ?? ""), .init(item.owner ?? ""), .init(shown(item.template)))
            }
            context.print(
                table, orElse: "no guest OS is registered; see: aibuild guestos add --help")
            context.printMore(page.next)
            return .ok
        })

    private static let show = Command(
        name: "guestos show", summary: "show one guest OS", operands: ["NAME"],
        examples: ["aibuild guestos show debian12"],
        run: { context in
            let name = APIClient.segment(context.arguments.operands[0])
            let body = try await context.api.get("/api/v1/guestos/\(name)")
            if context.wantsJSON {
                context.printJSON(body)
                return .ok
            }
            let item = try APIClient.decode(GuestOSAnswer.self, body)
            context.print([
                ("name", item.name), ("type", item.type), ("distro", item.distro),
                ("version", item.version), ("base ISO", item.baseISO), ("owner", item.owner),
                ("template", shown(item.template)),
                ("registered", item.createdAt.map { Format.time($0) }),
            ])
            return .ok
        })

    private static func shown(_ template: GuestOSAnswer.Template) -> String {
        template.path ?? [template.url, template.ref].compactMap { $0 }.joined(separator: " at ")
    }

    /// The coordinator has another working folder than this shell.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
