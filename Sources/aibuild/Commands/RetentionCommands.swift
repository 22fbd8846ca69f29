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

        struct Failure: Decodable { var build, reason: String }

        var freeBytes: Int64?
        var items: [Item]
        var failures: [Failure]?
    }

    private static let retention = Command(
        name: "retention",
        summary: "Remove images and logs that the retention policy does not keep",
        options: [CommandOption("dry-run", "report what would be removed, remove nothing")],
        details: [
            "If retention is set in coordinator.yml, the coordinator does this every hour and when",
            "its web root is almost full. The records of builds are kept. Pinned and released",
            "images are never removed, nor is the newest passed image of a guest OS.",
        ],
        examples: ["aibuild retention --dry-run", "aibuild retention"],
        run: { context in
            let isDry = context.arguments.has("dry-run")
            let path = "/api/v1/retention"
            let body =
                isDry ? try await context.api.get(path) : try await context.api.send("POST", path)
            return try context.show(body, as: Report.self) { report in
                var table = Table("BUILD", "STATE", isDry ? "WOULD FREE" : "FREED", "REASON")
                for item in report.items {
                    table.add(
                        .init("\(item.guestOS):\(item.number)", .bold),
                        .init(item.state, Style.colour(ofState: item.state)),
                        .init(Format.bytes(item.freesBytes)), .init(item.reason))
                }
                context.print(table, orElse: "Nothing to remove")
                for failure in report.failures ?? [] {
                    context.console.err(
                        "Cannot remove \(failure.build): \(SafeText.line(failure.reason))\n")
                }
            }
        })

    private static let pin = Command(
        name: "pin",
        summary: "Keep the image and logs of a build, whatever the retention policy says",
        operands: ["BUILD"], examples: ["aibuild pin debian12:7"],
        run: { context in try await set("pin", "Pinned", context) })

    private static let unpin = Command(
        name: "unpin", summary: "Apply the retention policy to a build again",
        operands: ["BUILD"], examples: ["aibuild unpin debian12:7"],
        run: { context in try await set("unpin", "Unpinned", context) })

    private static func set(
        _ word: String, _ done: String, _ context: CommandContext
    ) async throws -> ExitCode {
        let path = APIClient.build(context.arguments.operands[0])
        return try await context.post("\(path)/\(word)", as: BuildAnswer.self) {
            "\(done) build \($0.label)"
        }
    }
}
