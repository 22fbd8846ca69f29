import ArgumentKit

/// `aibuild retention`, `pin` and `unpin`: what is kept.
enum RetentionCommands {
    static let all = [retention, pin, unpin]

    private struct Report: Decodable {
        struct Item: Decodable {
            var guestOS, state, reason: String
            var number: Int
            var freesBytes: Int64
        }

        var freeBytes: Int64?
        var items: [Item]
    }

    private static let retention = Command(
        name: "retention", summary: "remove the images and logs that need not be kept",
        options: [CommandOption("dry-run", "show what would go, and remove nothing")],
        details: [
            "The coordinator does this by itself, every hour and when its web root runs full,",
            "where retention is set in coordinator.yml. Rows of builds stay. What is pinned or",
            "released never goes, nor does the newest good image of a guest OS.",
        ],
        examples: ["aibuild retention --dry-run", "aibuild retention"],
        run: { context in
            let isDry = context.arguments.has("dry-run")
            let path = "/api/v1/retention"
            let body =
                isDry ? try await context.api.get(path) : try await context.api.send("POST", path)
            return try context.show(body, as: Report.self) { report in
                var table = Table("BUILD", "STATE", "FREES", isDry ? "WOULD GO" : "IS GONE")
                for item in report.items {
                    table.add(
                        .init("\(item.guestOS):\(item.number)", .bold),
                        .init(item.state, Style.colour(ofState: item.state)),
                        .init(Format.bytes(item.freesBytes)), .init(item.reason))
                }
                context.print(table, orElse: isDry ? "nothing would go" : "nothing had to go")
            }
        })

    private static let pin = Command(
        name: "pin", summary: "keep a build's image and logs, whatever the retention policy says",
        operands: ["BUILD"], examples: ["aibuild pin debian12:7"],
        run: { context in try await set("pin", "is kept", context) })

    private static let unpin = Command(
        name: "unpin", summary: "let the retention policy decide about a build again",
        operands: ["BUILD"], examples: ["aibuild unpin debian12:7"],
        run: { context in try await set("unpin", "is not kept any longer than others", context) })

    private static func set(
        _ word: String, _ said: String, _ context: CommandContext
    ) async throws -> ExitCode {
        let path = APIClient.build(context.arguments.operands[0])
        let body = try await context.api.send("POST", "\(path)/\(word)")
        return try context.show(body, as: BuildAnswer.self) { build in
            context.console.out("build \(SafeText.line(build.label)) \(said)\n")
        }
    }
}
