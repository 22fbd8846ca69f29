import ArgumentKit
import BuildProtocol
import TextKit

/// Commands that submit, show and end builds.
enum BuildCommands {
    static let all = [build, builds, show, cancel, retry, rebuild, queue]

    private struct Submission: Encodable {
        var guestOS: String
        var priority: Int?
        var owner, reason, ref: String?
        var variables: [String: String]?
    }

    private static let follow = CommandOption(
        "follow", short: "f", "follow the log until the build ends")

    private static let build = Command(
        name: "build", summary: "Build a guest OS", operands: ["GUESTOS"],
        options: [
            follow,
            CommandOption(
                "priority", value: "N", "builds with a higher priority start first (default: 0)"),
            CommandOption(
                "owner", value: "NAME", "team charged in fair sharing (default: the guest OS's)"),
            CommandOption("reason", value: "TEXT", "reason, kept in the history"),
            CommandOption(
                "var", value: "NAME=VALUE", "variable of the template, for this build",
                repeats: true),
            CommandOption("ref", value: "REF", "branch, tag or commit, for this build"),
        ],
        details: [
            "With --follow, exits with 0 if the image is published and with 1 if the build fails.",
            "Ctrl-C stops following; the build continues. A build with --ref is not released",
            "automatically.",
        ],
        examples: [
            "aibuild build debian12", "aibuild build debian12 -f --reason 'kernel 6.1.158'",
            "aibuild build debian12 --ref try-zfs --var release=trixie",
        ],
        run: { context in
            let arguments = context.arguments
            let variables = try arguments.variables(over: [:])
            let body = try await context.api.send(
                "POST", "/api/v1/builds",
                Submission(
                    guestOS: arguments.operands[0], priority: try arguments.number("priority"),
                    owner: arguments["owner"], reason: arguments["reason"],
                    ref: arguments["ref"], variables: variables.isEmpty ? nil : variables))
            return try await submitted(body, context)
        })

    private static let retry = Command(
        name: "retry", summary: "Run a finished build again, from the same template",
        operands: ["BUILD"], options: [follow], examples: ["aibuild retry debian12:7 -f"],
        run: { context in
            try await submitted(
                try await context.api.send("POST", path(context) + "/retry"), context)
        })

    private struct Difference: Decodable {
        var what: String
        var then, now: String?
    }

    private static let rebuild = Command(
        name: "rebuild", summary: "Repeat a finished build with exactly what it used",
        operands: ["BUILD"],
        options: [
            follow,
            CommandOption(
                "with-changes", "build nothing; show what a build would have otherwise now"),
        ],
        details: [
            "The same commit, variables, base image, limits and tests are used, whatever has",
            "changed since: aibuild build GUESTOS takes what is there now.",
        ],
        examples: ["aibuild rebuild debian12:7 -f", "aibuild rebuild debian12:7 --with-changes"],
        run: { context in
            guard context.arguments.has("with-changes") else {
                return try await submitted(
                    try await context.api.send("POST", path(context) + "/retry"), context)
            }
            let body = try await context.api.get(path(context) + "/changes")
            return try context.show(body, as: Page<Difference>.self) { page in
                var table = Table("WHAT", "THEN", "NOW")
                for item in page.items {
                    table.add(
                        .init(item.what, .bold), .init(item.then ?? "-"), .init(item.now ?? "-"))
                }
                context.print(
                    table, orElse: "Nothing differs: aibuild build would repeat this build")
            }
        })

    @inline(never)  // See `APIClient.exchange`.
    private static func submitted(
        _ body: [UInt8], _ context: CommandContext
    ) async throws -> ExitCode {
        let build = try APIClient.decode(BuildAnswer.self, body)
        let follows = context.arguments.has("follow")
        if context.wantsJSON {
            if !follows { context.printJSON(body) }
        } else {
            context.console.err(
                "Queued build \(SafeText.line(build.label))"
                    + (follows ? "" : ". Follow it: aibuild logs -f \(SafeText.line(build.label))")
                    + "\n")
        }
        return follows
            ? try await BuildFollower(context).follow(build.id, called: build.label) : .ok
    }

    private static let builds = Command(
        name: "builds", summary: "List builds, newest first",
        options: [
            CommandOption("guestos", value: "NAME", "only builds of this guest OS"),
            CommandOption(
                "state", value: "STATE",
                "only builds in this state: "
                    + BuildState.allCases.map(\.rawValue).joined(separator: ", "),
                repeats: true),
        ] + CommandContext.pageOptions,
        examples: ["aibuild builds", "aibuild builds --guestos debian12 --state failed"],
        run: { context in
            var query = context.pageQuery
            if let name = context.arguments["guestos"] { query.append(("guestos", name)) }
            for state in context.arguments.all("state") {
                guard BuildState(rawValue: state) != nil else {
                    throw CommandError(
                        .usage,
                        "Unknown state: \(state)"
                            + (Suggestion.hint(for: state, in: BuildState.allCases.map(\.rawValue))
                                ?? ""))
                }
                query.append(("state", state))
            }
            let body = try await context.api.get("/api/v1/builds", query: query)
            return try context.show(body, as: Page<BuildAnswer>.self) { page in
                var table = Table(
                    "BUILD", "STATE", "HOST", "SUBMITTED", "TOOK", "DETAIL",
                    spare: ["HOST", "TOOK", "SUBMITTED"])
                for build in page.items {
                    table.add(
                        .init(build.label, .bold),
                        .init(build.state, Style.colour(ofState: build.state)),
                        .init(build.host ?? "-"), .init(Format.age(build.submittedAt)),
                        .init(build.took ?? "-"), .init(build.note))
                }
                context.print(table, orElse: "No builds. Start one: aibuild build GUESTOS")
                context.printMore(page.next)
            }
        })

    private static let show = Command(
        name: "show", summary: "Show a build: its attempts, its image, and why it waits or failed",
        operands: ["BUILD"],
        details: ["BUILD is an ID or GUESTOS:NUMBER, as listed by aibuild builds."],
        examples: ["aibuild show debian12:7"],
        run: { context in
            let body = try await context.api.get(path(context))
            return try context.show(body, as: BuildAnswer.self) { answer in
                BuildDetails(context).print(answer)
            }
        })

    private static let cancel = Command(
        name: "cancel", summary: "Cancel a build", operands: ["BUILD"],
        examples: ["aibuild cancel debian12:7"],
        run: { context in
            try await context.post(path(context) + "/cancel", as: BuildAnswer.self) { build in
                "\(build.state == "cancelled" ? "Cancelled" : "Cancelling") build \(build.label)"
            }
        })

    private static let queue = Command(
        name: "queue", summary: "List queued builds in order, with the reason why each waits",
        details: [
            "STARTS is a range that nine of ten starts should lie in, from past builds of what is",
            "ahead. What is submitted later with a higher priority may delay a build further.",
        ],
        examples: ["aibuild queue"],
        run: { context in
            let body = try await context.api.get("/api/v1/queue")
            return try context.show(body, as: Page<QueueItemAnswer>.self) { page in
                var table = Table(
                    "#", "BUILD", "WAITING", "STARTS", "ESTIMATED FROM", "REASON",
                    spare: ["ESTIMATED FROM", "WAITING", "#"])
                for item in page.items {
                    table.add(
                        .init(item.waiting.position.map(String.init) ?? ""),
                        .init(item.build.label, .bold),
                        .init(
                            Format.seconds(from: item.build.submittedAt).map(Format.duration) ?? "-"
                        ),
                        .init(item.waiting.start?.times ?? "-"),
                        .init(item.waiting.start?.source ?? "-"),
                        .init(item.waiting.reasons))
                }
                context.print(table, orElse: "No builds are queued")
            }
        })

    private static func path(_ context: CommandContext) -> String {
        APIClient.build(context.arguments.operands[0])
    }
}

extension BuildAnswer {
    var hasEnded: Bool { BuildState(rawValue: state)?.isEnded ?? false }

    /// How long it ran, or has been running.
    var took: String? {
        (durationSeconds ?? (hasEnded ? nil : Format.seconds(from: startedAt)))
            .map(Format.duration)
    }

    /// Its current situation in a few words.
    var note: String {
        if cancelRequested == true && !hasEnded { return "cancelling" }
        if let fault { return Headline.of(fault.reason) }
        return hasEnded ? image?.name ?? "" : phase ?? ""
    }
}
