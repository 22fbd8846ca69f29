import ArgumentKit
import TextKit

/// `aibuild retention`, `pin` and `unpin`: what is kept.
enum RetentionCommands {
    static let all = [retention, enable, pin, unpin]

    private struct Report: Decodable {
        struct Item: Decodable {
            var guestOS, state, reason: String
            var number: Int
            var freesBytes: Int64
        }

        struct Failure: Decodable { var build, reason: String }

        var freeBytes: Int64?
        var beginsAt: String?
        var items: [Item]
        var failures: [Failure]?
    }

    private static let retention = Command(
        name: "retention",
        summary: "Remove images and logs that the retention policy does not keep",
        options: [
            CommandOption("dry-run", "report what would be removed, remove nothing"),
            CommandOption("good-images", value: "N", "with --dry-run: as if it were configured so"),
            CommandOption("failed-days", value: "N", "with --dry-run: as if it were configured so"),
            CommandOption(
                "minimum-free", value: "SIZE", "with --dry-run: as if it were, e.g. 20GiB"),
        ],
        details: [
            "If retention is set in coordinator.yml, the coordinator does this every hour and when",
            "its web root is almost full. The records of builds are kept. Pinned and released",
            "images are never removed, nor is the newest passed image of a guest OS. A policy that",
            "is new or stricter is shown for a day (retention: grace) before it removes anything.",
        ],
        examples: [
            "aibuild retention --dry-run", "aibuild retention --dry-run --good-images 5",
            "aibuild retention",
        ],
        run: { context in
            let isDry = context.arguments.has("dry-run")
            let path = "/api/v1/retention"
            let policy = try policy(context.arguments)
            guard isDry || policy.isEmpty else {
                throw CommandError(
                    .usage, "A policy on the command line is only asked about: add --dry-run")
            }
            let body =
                isDry
                ? try await context.api.get(path, query: policy)
                : try await context.api.send("POST", path)
            return try context.show(body, as: Report.self) { report in
                var table = Table("BUILD", "STATE", isDry ? "WOULD FREE" : "FREED", "REASON")
                for item in report.items {
                    table.add(
                        .init("\(item.guestOS):\(item.number)", .bold),
                        .init(item.state, Style.colour(ofState: item.state)),
                        .init(Format.bytes(item.freesBytes)), .init(item.reason))
                }
                context.print(table, orElse: "Nothing to remove")
                announce(report, context)
                for failure in report.failures ?? [] {
                    context.console.err(
                        "Cannot remove \(failure.build): \(SafeText.line(failure.reason))\n")
                }
            }
        })

    private static func policy(_ arguments: Arguments) throws -> [(String, String)] {
        var query: [(String, String)] = []
        for (option, key) in [("good-images", "good_images"), ("failed-days", "failed_days")] {
            if let number = try arguments.number(option) { query.append((key, String(number))) }
        }
        if let text = arguments["minimum-free"] {
            guard let bytes = ByteSize.bytes(text) else {
                throw CommandError(
                    .usage, "Option --minimum-free needs a size such as 20GiB, not '\(text)'")
            }
            query.append(("minimum_free", String(bytes)))
        }
        return query
    }

    private static func announce(_ report: Report, _ context: CommandContext) {
        guard let begins = report.beginsAt else { return }
        context.console.out(
            "The policy is new or stricter: it removes this from \(Format.time(begins)) on. "
                + "To let it begin now: aibuild retention enable\n")
    }

    private static let enable = Command(
        name: "retention enable",
        summary: "Let a retention policy that is new or stricter begin to remove",
        examples: ["aibuild retention enable"],
        run: { context in
            let body = try await context.api.send("POST", "/api/v1/retention/enable")
            return try context.show(body, as: Report.self) { report in
                let count = report.items.count
                context.console.out(
                    "Enabled retention: the next run, within a minute, removes image and logs of "
                        + "\(count) \(count == 1 ? "build" : "builds")\n")
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
