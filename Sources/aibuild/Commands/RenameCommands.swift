import ArgumentKit

/// `aibuild guestos rename`, `aibuild env rename`
enum RenameCommands {
    static let guestOS = command(
        "guestos", "guest OS", "builds", example: "aibuild guestos rename 'win 10' win10")
    static let environment = command(
        "env", "environment", "releases", example: "aibuild env rename 'lab (old)' lab")

    private struct Form: Encodable {
        var kind, from, to: String
    }

    private static func command(
        _ kind: String, _ what: String, _ uses: String, example: String
    ) -> Command {
        Command(
            name: "\(kind) rename", summary: "Rename the \(what), if it has no \(uses)",
            operands: ["NAME", "NEW-NAME"],
            details: [
                "For names that the original AIBuild accepted and aibuild does not."
            ],
            examples: [example],
            run: { context in
                let names = context.arguments.operands
                _ = try await context.api.send(
                    "POST", "/api/v1/renames", Form(kind: kind, from: names[0], to: names[1]))
                context.say("Renamed \(what) \(names[0]) to \(names[1])")
                return .ok
            })
    }
}
