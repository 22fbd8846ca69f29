import ArgumentKit
import TextKit

/// `aibuild guestos grant`, `aibuild guestos revoke`
enum GrantCommands {
    private struct Form: Encodable {
        var team, user: String?
        var right: String
    }

    private static let team = CommandOption("team", value: "NAME", "team that it is for")
    private static let user = CommandOption("user", value: "NAME", "or: user whom it is for")
    private static let rights = ["operator", "release-manager"]

    static let grant = Command(
        name: "guestos grant", summary: "Let others than its team work on a guest OS",
        operands: ["NAME"],
        options: [
            team, user,
            CommandOption(
                "right", value: "RIGHT", "operator or release-manager", isRequired: true),
        ],
        details: [
            "operator        may change and build it",
            "release-manager may also release it, approve its releases and roll them back",
            "",
            "Users need the role for it as well (aibuild user list). Administrators and the team",
            "that owns the guest OS grant and revoke. A second grant replaces the first one.",
        ],
        examples: [
            "aibuild guestos grant debian12 --team web --right operator",
            "aibuild guestos grant debian12 --user anna --right release-manager",
        ],
        run: { context in
            try context.arguments.check("right", isOneOf: rights)
            let (team, user) = try grantee(context)
            let right = context.arguments["right"] ?? ""
            let body = try await context.api.send(
                "PUT", path(context), Form(team: team, user: user, right: right))
            return try show(body, context) { "Granted \($1) the right of \(right) on \($0)" }
        })

    static let revoke = Command(
        name: "guestos revoke", summary: "Take back what was granted on a guest OS",
        operands: ["NAME"], options: [team, user],
        examples: [
            "aibuild guestos revoke debian12 --team web",
            "aibuild guestos revoke debian12 --user anna",
        ],
        run: { context in
            let (team, user) = try grantee(context)
            let name = team ?? user ?? ""
            let query = (team == nil ? "user=" : "team=") + APIClient.segment(name)
            let body = try await context.api.send("DELETE", path(context) + "?" + query)
            return try show(body, context) { "Revoked what \($1) was granted on \($0)" }
        })

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/guestos/\(APIClient.segment(context.arguments.operands[0]))/grants"
    }

    private static func grantee(
        _ context: CommandContext
    ) throws(CommandError) -> (team: String?, user: String?) {
        let (team, user) = (context.arguments["team"], context.arguments["user"])
        guard (team == nil) != (user == nil) else {
            throw CommandError(.usage, "Name either --team or --user")
        }
        return (team, user)
    }

    private static func show(
        _ body: [UInt8], _ context: CommandContext, _ words: (String, String) -> String
    ) throws -> ExitCode {
        let (team, user) = try grantee(context)
        let who = team.map { "team \($0)" } ?? "user \(user ?? "")"
        return try context.show(body, as: GuestOSAnswer.self) { answer in
            context.console.out(SafeText.line(words(answer.name, who)) + "\n")
        }
    }
}
