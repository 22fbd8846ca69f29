import ArgumentKit

/// `aibuild user …`: who may do what.
enum UserCommands {
    static let all = [add, change, password, disable, enable, list, remove]

    static let roles = ["viewer", "operator", "release-manager", "administrator"]

    private static let role = CommandOption(
        "role", value: "ROLE", "viewer, operator, release-manager or administrator")
    private static let team = CommandOption(
        "team", value: "NAME", "owner of guest OSes that the user may change; * for all",
        repeats: true)

    private static let add = Command(
        name: "user add", summary: "Add a user",
        operands: ["NAME"], options: [role, team, LoginCommands.passwordFile],
        details: [
            "viewer          reads everything but secrets",
            "operator        builds, registers guest OSes and test cases, drains hosts",
            "release-manager also releases, approves releases and rolls them back",
            "administrator   everything: hosts, environments, secrets, users",
            "",
            "A guest OS belongs to its owner (aibuild guestos change --owner). Those of the owner",
            "`default` are everybody's; the others are changed, built and released by their team.",
        ],
        examples: [
            "aibuild user add anna --role operator --team storage",
            "aibuild user add ci --role viewer --password-file -",
        ],
        run: { context in
            try context.arguments.check("role", isOneOf: roles)
            guard let role = context.arguments["role"] else {
                throw CommandError(.usage, "Name the role: --role ROLE")
            }
            let password = try LoginCommands.newPassword(context, "password-file")
            return try await put(
                context,
                Form(
                    role: role, teams: context.arguments.all("team"), password: password,
                    isNew: true),
                "Added")
        })

    private static let change = Command(
        name: "user change", summary: "Change the role or the teams of a user",
        operands: ["NAME"],
        options: [role, team, CommandOption("no-teams", "the user is in no team")],
        details: ["What is not given is kept. It counts from the user's next request on."],
        examples: [
            "aibuild user change anna --role release-manager",
            "aibuild user change anna --team '*'",
        ],
        run: { context in
            try context.requireOption(of: [role, team, CommandOption("no-teams", "")])
            try context.arguments.check("role", isOneOf: roles)
            let named = context.arguments.all("team")
            let hasNone = context.arguments.has("no-teams")
            guard named.isEmpty || !hasNone else {
                throw CommandError(.usage, "--no-teams and --team exclude each other")
            }
            return try await put(
                context,
                Form(
                    role: context.arguments["role"],
                    teams: hasNone ? [] : named.isEmpty ? nil : named),
                "Changed")
        })

    private static let password = Command(
        name: "user passwd", summary: "Set a user's password",
        operands: ["NAME"], options: [LoginCommands.passwordFile],
        details: ["The user is signed out of every browser. To change your own: aibuild passwd"],
        examples: ["aibuild user passwd anna"],
        run: { context in
            try await put(
                context,
                Form(password: try LoginCommands.newPassword(context, "password-file")),
                "Changed the password of")
        })

    private static let disable = Command(
        name: "user disable", summary: "Keep a user from signing in; tokens stop to work",
        operands: ["NAME"], examples: ["aibuild user disable anna"],
        run: { try await put($0, Form(disabled: true), "Disabled") })

    private static let enable = Command(
        name: "user enable", summary: "Let a disabled user sign in again",
        operands: ["NAME"], examples: ["aibuild user enable anna"],
        run: { try await put($0, Form(disabled: false), "Enabled") })

    private static let list = Command(
        name: "user list", summary: "List the users", examples: ["aibuild user list"],
        run: { context in
            let body = try await context.api.get("/api/v1/users")
            return try context.show(body, as: Page<UserAnswer>.self) { page in
                var table = Table("NAME", "FROM", "ROLE", "TEAMS", "CHANGED", spare: ["CHANGED"])
                for user in page.items {
                    table.add(
                        .init(user.name, .bold), .init(user.source),
                        .init(user.disabled ? "\(user.role), disabled" : user.role),
                        .init(user.teams.isEmpty ? "-" : user.teams.joined(separator: ", ")),
                        .init("\(Format.age(user.changedAt)) by \(user.changedBy)"))
                }
                context.print(table, orElse: "No users. Add one: aibuild user add --help")
            }
        })

    private static let remove = Command(
        name: "user remove", summary: "Remove a user, with tokens and sessions",
        operands: ["NAME"], examples: ["aibuild user remove anna"],
        run: { context in
            _ = try await context.api.send("DELETE", path(context))
            context.say("Removed user \(context.name)")
            return .ok
        })

    private struct Form: Encodable {
        var role: String?
        var teams: [String]?
        var disabled: Bool?
        var password: String?
        var isNew = false
    }

    private struct UserAnswer: Decodable {
        var name, source, role, changedAt, changedBy: String
        var teams: [String]
        var disabled: Bool
    }

    private static func put(
        _ context: CommandContext, _ form: Form, _ done: String
    ) async throws -> ExitCode {
        let body = try await context.api.send("PUT", path(context), form)
        return context.show(body, "\(done) user \(context.name)")
    }

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/users/" + APIClient.segment(context.arguments.operands[0])
    }
}
