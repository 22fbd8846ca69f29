import ArgumentKit

/// `aibuild release`, `aibuild releases` and the commands on a single release.
enum ReleaseCommands {
    static let all = [
        release, releases, ReleaseDetails.show, approve, refuse, ReleaseDetails.cancel, retry,
    ]

    private struct ReleaseRequest: Encodable {
        var build, guestOS: String?
        var environments: [String]
        var format: String?
        var timeoutSeconds: Int?
    }

    private struct RollbackRequest: Encodable {
        var guestOS: String
        var environments: [String]
    }

    private static let release = Command(
        name: "release", summary: "Release an image to one or more environments",
        operands: ["BUILD|GUESTOS"],
        options: [
            CommandOption(
                "to", value: "ENV[,ENV…]", "environments to release to", isRequired: true,
                repeats: true),
            CommandOption("format", value: "FORMAT", "qcow2 or raw (default: the environment's)"),
            CommandOption(
                "timeout", value: "DURATION",
                "give up what has not succeeded by then (30m, 2h; default: after six tries)"),
            CommandOption("rollback", "restore the image that was there before the newest release"),
            CommandOption("detach", "do not wait for the releases to end"),
        ],
        details: [
            "A guest OS stands for its newest build that passed every test. Environments are",
            "served in parallel, each with its own result. Exits with 0 if all succeed and with 1",
            "if one fails. Ctrl-C stops waiting; the releases continue. A fault that may pass is",
            "tried six times; after that, or if cancelled, a release takes back what it began.",
        ],
        examples: [
            "aibuild release debian12:7 --to lab,production",
            "aibuild release debian12 --to lab --format raw",
            "aibuild release debian12 --to lab --timeout 30m",
            "aibuild release debian12 --to lab --rollback",
        ],
        run: { context in
            let arguments = context.arguments
            let what = arguments.operands[0]
            let places = arguments.all("to").flatMap {
                $0.split(separator: ",").map(String.init)
            }
            let body: [UInt8]
            if arguments.has("rollback") {
                guard !isBuild(what) else {
                    throw CommandError(
                        .usage, "Option --rollback needs the name of a guest OS, not a build")
                }
                guard !arguments.has("timeout") else {
                    throw CommandError(.usage, "Option --timeout is for releases, not --rollback")
                }
                body = try await context.api.send(
                    "POST", "/api/v1/releases/rollback",
                    RollbackRequest(guestOS: what, environments: places))
            } else {
                body = try await context.api.send(
                    "POST", "/api/v1/releases",
                    ReleaseRequest(
                        build: isBuild(what) ? what : nil, guestOS: isBuild(what) ? nil : what,
                        environments: places, format: arguments["format"],
                        timeoutSeconds: try arguments.durationSeconds("timeout")))
            }
            let made = try APIClient.decode(Page<ReleaseAnswer>.self, body).items
            if arguments.has("detach") || made.isEmpty {
                if context.wantsJSON { context.printJSON(body) } else { print(made, context) }
                return .ok
            }
            return try await ReleaseFollower(made, context).follow()
        })

    /// Whether it is `debian12:7`, `debian12/7` or an id, and not the name of a guest OS.
    private static func isBuild(_ text: String) -> Bool {
        text.contains(":") || text.contains("/")
            || (text.count == 36 && text.split(separator: "-").count == 5)
    }

    private static let releases = Command(
        name: "releases", summary: "List releases, newest first",
        options: [
            CommandOption("guestos", value: "NAME", "only releases of this guest OS"),
            CommandOption("to", value: "ENV", "only releases to this environment"),
            CommandOption(
                "state", value: "STATE",
                "only releases in this state: awaitingApproval, queued, running, released, failed, "
                    + "cancelled, refused, rolledBack", repeats: true),
        ] + CommandContext.pageOptions,
        examples: ["aibuild releases", "aibuild releases --guestos debian12 --to lab"],
        run: { context in
            var query = context.pageQuery
            if let name = context.arguments["guestos"] { query.append(("guestos", name)) }
            if let name = context.arguments["to"] { query.append(("environment", name)) }
            for state in context.arguments.all("state") { query.append(("state", state)) }
            let body = try await context.api.get("/api/v1/releases", query: query)
            return try context.show(body, as: Page<ReleaseAnswer>.self) { page in
                print(page.items, context)
                context.printMore(page.next)
            }
        })

    private static func print(_ items: [ReleaseAnswer], _ context: CommandContext) {
        var table = Table("RELEASE", "IMAGE", "TO", "STATE", "REQUESTED", "DETAIL")
        for item in items {
            let action = item.action == "rollback" ? " (rollback)" : ""
            table.add(
                .init(item.shortID), .init(item.label + action, .bold), .init(item.environment),
                .init(item.status, Style.colour(ofState: item.outcome ?? item.state)),
                .init(Format.age(item.createdAt)), .init(item.detail))
        }
        context.print(table, orElse: "No releases. Release an image: aibuild release --help")
    }

    private static let approve = Command(
        name: "release approve", summary: "Approve a release that is waiting for approval",
        operands: ["RELEASE"], examples: ["aibuild release approve debian12:7@lab"],
        run: { context in try await act("approve", "Approved release", context) })

    private struct Refused: Encodable {
        var reason: String?
    }

    private static let refuse = Command(
        name: "release refuse", summary: "Refuse a release that is waiting for approval",
        operands: ["RELEASE"],
        options: [CommandOption("reason", value: "TEXT", "why, for whoever wanted it")],
        examples: ["aibuild release refuse debian12:7@lab --reason 'old kernel'"],
        run: { context in
            let body = try await context.api.send(
                "POST", APIClient.release(context.arguments.operands[0]) + "/refuse",
                Refused(reason: context.arguments["reason"]))
            return try context.show(body, as: ReleaseAnswer.self) { answer in
                context.console.out(
                    SafeText.line(
                        "Refused release \(answer.shortID): \(answer.label) to "
                            + "\(answer.environment)") + "\n")
            }
        })

    private static let retry = Command(
        name: "release retry", summary: "Run a failed, cancelled or refused release again",
        operands: ["RELEASE"], examples: ["aibuild release retry debian12:7@lab"],
        run: { context in try await act("retry", "Queued release", context) })

    private static func act(
        _ verb: String, _ done: String, _ context: CommandContext
    ) async throws -> ExitCode {
        let path = APIClient.release(context.arguments.operands[0])
        return try await context.post("\(path)/\(verb)", as: ReleaseAnswer.self) {
            "\(done) \($0.shortID): \($0.label) to \($0.environment) (\($0.status))"
        }
    }
}
