import ArgumentKit
import BuildProtocol
import HTTPClientKit
import Synchronization

/// `aibuild logs`
enum LogCommands {
    static let all = [logs]

    /// Longer than any log record. Bounds the memory that a broken server can take.
    private static let lineBytes = 8 << 20

    private static let logs = Command(
        name: "logs", summary: "Show the log of a build", operands: ["BUILD"],
        options: [
            CommandOption("follow", short: "f", "follow the log until the build ends"),
            CommandOption(
                "stage", value: "STAGE", "only the last attempt of this stage: build or test"),
            CommandOption(
                "attempt", value: "N", "only this attempt: its number (see `aibuild show`) or ID"),
            CommandOption("timestamps", short: "t", "start each line with its time"),
            CommandOption(
                "line-numbers", short: "n",
                "start each line with its number in the build's log, as on its page"),
        ],
        details: [
            "Shows the last attempt of each stage, in their order.",
            "With --follow, a lost connection is restored and the log continues without a gap.",
            "With --follow, exits with 0 if the build passes, 1 if it fails, 6 if it is cancelled.",
            "With --json, prints the lines as the agent wrote them, one JSON object each.",
        ],
        examples: [
            "aibuild logs debian12:7", "aibuild logs -f debian12:latest",
            "aibuild logs debian12:7 --attempt 2 -n",
        ],
        run: { context in
            let build = context.arguments.operands[0]
            if context.arguments.has("follow") {
                for option in ["attempt", "stage"]
                where context.arguments.has(option) {
                    throw CommandError(
                        .usage, "Options --\(option) and --follow exclude each other")
                }
                return try await BuildFollower(context).follow(build)
            }
            let found = try APIClient.decode(
                BuildAnswer.self, try await context.api.get(APIClient.build(build)))
            let attempts = try LogSelection(context.arguments).of(found)
            let numbers = try await firstLines(of: found.id, context)
            for attempt in attempts {
                if attempts.count > 1, !context.wantsJSON {
                    let stage = attempt.stage ?? "build"
                    let what = "\(stage), attempt \(attempt.ordinal) on \(attempt.host)"
                    context.console.out(
                        context.style.paint("== \(SafeText.line(what))", .cyan) + "\n")
                }
                try await show(
                    attempt, of: found.id, from: numbers[attempt.attempt] ?? 1, context)
            }
            return .ok
        })

    private struct LinesAnswer: Decodable {
        struct Attempt: Decodable {
            var attempt: String
            @Bounded<ByteBound> var firstLine: Int64
        }
        var attempts: [Attempt]
    }

    /// Where the log of each attempt begins in the build's. Only looked up if somebody sees it.
    private static func firstLines(
        of build: String, _ context: CommandContext
    ) async throws -> [String: Int] {
        guard context.arguments.has("line-numbers"), !context.wantsJSON else { return [:] }
        let answer = try APIClient.decode(
            LinesAnswer.self,
            try await context.api.get(APIClient.build(build) + "/log/lines?count=1"))
        return Dictionary(
            answer.attempts.map { ($0.attempt, Int($0.firstLine)) }, uniquingKeysWith: { $1 })
    }

    private static func show(
        _ attempt: AttemptAnswer, of build: String, from number: Int, _ context: CommandContext
    ) async throws {
        let printer = LogPrinter(context, from: number)
        let lines = Mutex(LineSplitter(limitBytes: lineBytes))
        do throws(HTTPClientError) {
            try await context.api.stream(
                APIClient.build(build) + "/log", query: [("attempt", attempt.attempt)]
            ) { bytes in
                let piece = Array(bytes)
                guard let whole = try? lines.withLock({ try $0.push(piece) }) else {
                    throw CommandError(
                        .refused, "The log has a line longer than \(lineBytes >> 20) MiB")
                }
                for line in whole { printer.print(String(decoding: line, as: UTF8.self)) }
            }
        } catch {
            throw context.api.commandError(error)
        }
        printer.finish()
    }
}

/// Which attempts of a build `aibuild logs` shows.
struct LogSelection {
    private let stage, attempt: String?
    private static let stages = ["build", "test"]

    init(_ arguments: Arguments) throws {
        stage = arguments["stage"]
        attempt = arguments["attempt"]
        if let stage, !Self.stages.contains(stage) {
            throw CommandError(.usage, "There is no stage '\(stage)'. Use build or test")
        }
        if stage != nil, attempt != nil {
            throw CommandError(.usage, "Options --attempt and --stage exclude each other")
        }
    }

    func of(_ build: BuildAnswer) throws -> [AttemptAnswer] {
        let all = build.attempts ?? []
        if let attempt {
            let found = all.filter { "\($0.ordinal)" == attempt || $0.attempt.hasPrefix(attempt) }
            guard found.count == 1 else {
                let known = all.map { "\($0.ordinal)" }.joined(separator: ", ")
                throw CommandError(
                    .notFound,
                    "Build \(build.label) has no attempt '\(attempt)'"
                        + (known.isEmpty ? "" : ". Its attempts: \(known)"))
            }
            return found
        }
        let last = Self.stages.compactMap { stage in
            all.last { ($0.stage ?? "build") == stage }
        }.filter { stage == nil || ($0.stage ?? "build") == stage }
        guard last.isEmpty else { return last }
        throw CommandError(
            .notFound,
            "Build \(build.label) has no log\(stage.map { " of the stage \($0)" } ?? "") yet. See "
                + "what it waits for: aibuild show \(build.label)")
    }
}
