import ArgumentKit

/// `aibuild host drain`: what it finishes, and what it would strand.
enum DrainCommand {
    private struct Request: Encodable {
        var note: String?
        var deadlineSeconds: Int?
    }

    private struct Plan: Decodable {
        struct Item: Decodable {
            var guestOS, stage: String
            var number: Int
            var hasOtherHost: Bool
        }

        var finishes, strands: [Item]
        /// When nothing runs there any more.
        var end: RangeAnswer?
        var endReason: String?
    }

    static let command = Command(
        name: "host drain", summary: "Stop sending builds to a host; what was begun is finished",
        operands: ["NAME"],
        options: [
            CommandOption("note", value: "TEXT", "why, for whoever waits"),
            CommandOption(
                "deadline", value: "DURATION",
                "then stop what still runs there, and queue it again (2h, 30m)"),
            CommandOption("dry-run", "report what would be finished and what would wait, only"),
        ],
        details: [
            "Running builds end there. Their images are tested on another host, or there if no",
            "other can test them. Releases run on the coordinator and are not affected. To change",
            "note or deadline, drain it again.",
        ],
        examples: [
            "aibuild host drain kvm1 --dry-run",
            "aibuild host drain kvm1 --note 'new disks' --deadline 2h",
        ],
        run: { context in
            let arguments = context.arguments
            let path = "/api/v1/hosts/" + APIClient.segment(arguments.operands[0]) + "/drain"
            if arguments.has("dry-run") {
                let body = try await context.api.get(path)
                return try context.show(body, as: Plan.self) {
                    print($0, context, hasDeadline: arguments.has("deadline"))
                }
            }
            let seconds = try arguments.durationSeconds("deadline")
            let body = try await context.api.send(
                "POST", path, Request(note: arguments["note"], deadlineSeconds: seconds))
            return try context.show(body, as: HostAnswer.self) { host in
                context.console.out(SafeText.line(done(host)) + "\n")
            }
        })

    private static func done(_ host: HostAnswer) -> String {
        let running = host.running ?? 0
        let builds = running == 1 ? "the build" : "the \(running) builds"
        let work = running == 0 ? "It runs nothing" : "It finishes \(builds) that it runs"
        let end = host.drainDeadlineAt.map {
            ". What still runs at \(Format.time($0)) is stopped then and queued again, for other "
                + "hosts or for this one once it is resumed"
        }
        return "Drained host \(host.name). \(work)\(end ?? ""). "
            + "Resume it: aibuild host resume \(host.name)"
    }

    private static func print(
        _ plan: Plan, _ context: CommandContext, hasDeadline: Bool
    ) {
        var table = Table("BUILD", "STAGE", "WHAT HAPPENS")
        for item in plan.finishes {
            let end =
                item.hasOtherHost
                ? "is begun anew on another host" : "waits until the host is resumed"
            let deadline = hasDeadline ? "; what the deadline stops \(end)" : ""
            table.add(
                .init("\(item.guestOS):\(item.number)", .bold), .init(item.stage),
                .init("is finished there\(deadline)"))
        }
        for item in plan.strands {
            table.add(
                .init("\(item.guestOS):\(item.number)", .bold), .init(item.stage, .yellow),
                .init("waits until the host is resumed: no other host can take it", .yellow))
        }
        context.print(table, orElse: "Nothing runs there, and no queued build needs this host")
        guard !plan.finishes.isEmpty else { return }
        let end = plan.end?.words ?? plan.endReason.map { "unknown: \($0)" }
        if let end { context.console.out("\nExpected to be empty: \(SafeText.line(end))\n") }
    }
}
