import ArgumentKit

/// `aibuild env …`: where images are released to.
enum EnvironmentCommands {
    static let all = [
        add, change, list, EnvironmentDetails.show, check, names, give, RenameCommands.environment,
        remove,
    ]

    private static let add = Command(
        name: "env add", summary: "Register an environment to release images to",
        operands: ["NAME"], options: EnvironmentOptions.options(isNew: true),
        details: [
            "The environment is checked at once: reachability, login and permissions, by releasing",
            "something small. The password is never part of the command line, and is encrypted",
            "where it is stored.",
        ],
        examples: [
            "aibuild env add lab --kind openstack --auth-url https://lab:5000/v3 "
                + "--project images --username aibuild --password-file lab.password",
            "aibuild env add lab --kind openstack --clouds-yaml clouds.yaml --cloud lab",
            "aibuild env add lab --kind openstack --auth-url https://lab:5000/v3 "
                + "--application-credential 5f3c9b --password-file lab.secret",
            "aibuild env add harbor --kind registry --registry-url https://harbor.example.com "
                + "--repository images/{guestos} --username ci --password-file -",
        ],
        run: { context in
            let body = try await context.api.send(
                "POST", "/api/v1/environments", try EnvironmentForm(context.arguments))
            return try show(body, context, "Registered environment")
        })

    private static let change = Command(
        name: "env change", summary: "Replace the settings of an environment",
        operands: ["NAME"], options: EnvironmentOptions.options(isNew: false),
        details: [
            "With --kind, its settings are replaced by those given. Without, they are kept. The",
            "password and the policy (--guestos, --image, --approval) are kept unless given.",
        ],
        examples: [
            "aibuild env change lab --guestos 'debian*' --approval required",
            "aibuild env change lab --kind openstack --auth-url https://lab:5000/v3 "
                + "--project images --username aibuild --visibility public",
        ],
        run: { context in
            try context.requireOption(of: EnvironmentOptions.options(isNew: false))
            let body = try await context.api.send(
                "PUT", path(context), try EnvironmentForm(context.arguments))
            return try show(body, context, "Changed environment")
        })

    private static let list = Command(
        name: "env list", summary: "List environments", examples: ["aibuild env list"],
        run: { context in
            let body = try await context.api.get("/api/v1/environments")
            return try context.show(body, as: Page<EnvironmentAnswer>.self) { page in
                var table = Table(
                    "NAME", "KIND", "REGISTERED", "WHERE", "ONLY", "NOTE",
                    spare: ["REGISTERED", "ONLY"])
                for item in page.items {
                    table.add(
                        .init(item.name, .bold), .init(item.kind),
                        .init(Format.age(item.createdAt)),
                        .init(item.settings.place), .init(item.policy?.summary ?? ""),
                        .init(item.passwordLost == true ? "password lost: set it anew" : ""))
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

    private static let names = Command(
        name: "env names", summary: "List which guest OS owns which image name there",
        operands: ["NAME"], options: CommandContext.pageOptions,
        details: ["A name belongs to the guest OS that first released under it."],
        examples: ["aibuild env names lab"],
        run: { context in
            let body = try await context.api.get(path(context) + "/names", query: context.pageQuery)
            return try context.show(body, as: Page<ReleaseNameAnswer>.self) { page in
                var table = Table("IMAGE", "GUESTOS")
                for item in page.items { table.add(.init(item.name, .bold), .init(item.guestOS)) }
                context.print(table, orElse: "Nothing has been released there yet.")
                context.printMore(page.next)
            }
        })

    private struct Gift: Encodable {
        var name, guestOS: String
    }

    private static let give = Command(
        name: "env give", summary: "Give an image name in an environment to a guest OS",
        operands: ["NAME", "IMAGE"],
        options: [
            CommandOption("guestos", value: "GUESTOS", "its new owner", isRequired: true)
        ],
        examples: ["aibuild env give lab debian-server --guestos debian13"],
        run: { context in
            let gift = Gift(
                name: context.arguments.operands[1], guestOS: context.arguments["guestos"] ?? "")
            let body = try await context.api.send("PUT", path(context) + "/names", gift)
            return context.show(
                body,
                SafeText.line("Gave \(gift.name) in environment \(context.name) to \(gift.guestOS)")
            )
        })

    private static let remove = Command(
        name: "env remove", summary: "Remove an environment; images released there stay",
        operands: ["NAME"],
        options: [
            CommandOption(
                "force",
                "also if releases to it have not ended: they are abandoned, and what they "
                    + "leave there is listed")
        ],
        examples: ["aibuild env remove lab", "aibuild env remove lab --force"],
        run: { context in
            guard context.arguments.has("force") else {
                _ = try await context.api.send("DELETE", path(context))
                context.say("Removed environment \(context.name)")
                return .ok
            }
            let body = try await context.api.send("DELETE", path(context) + "?force=true")
            return try context.show(body, as: Removed.self) { removed in
                context.console.out("Removed environment \(context.name)\n")
                for release in removed.abandoned {
                    context.console.out(
                        SafeText.line(
                            "Abandoned release \(release.shortID): \(release.label) "
                                + "(\(release.status))") + "\n" + ReleaseDetails.left(release))
                }
            }
        })

    private struct Removed: Decodable {
        var abandoned: [ReleaseAnswer]
    }

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
}
