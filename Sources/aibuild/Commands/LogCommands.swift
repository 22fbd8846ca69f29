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
            CommandOption("attempt", value: "ID", "ID of an attempt (default: the last one)"),
            CommandOption("timestamps", short: "t", "start each line with its time"),
        ],
        details: [
            "With --follow, a lost connection is restored and the log continues without a gap.",
            "Exits with 0 if the build passes and with 1 if it fails or is cancelled.",
            "With --json, prints the lines as the agent wrote them, one JSON object each.",
        ],
        examples: [
            "aibuild logs debian12:7", "aibuild logs -f debian12:7", "aibuild logs 7f3a… -t",
        ],
        run: { context in
            let build = context.arguments.operands[0]
            if context.arguments.has("follow") {
                guard !context.arguments.has("attempt") else {
                    throw CommandError(.usage, "Options --attempt and --follow exclude each other")
                }
                return try await BuildFollower(context).follow(build)
            }
            let printer = LogPrinter(context)
            let lines = Mutex(LineSplitter(limitBytes: lineBytes))
            let query = context.arguments["attempt"].map { [("attempt", $0)] } ?? []
            do throws(HTTPClientError) {
                try await context.api.stream(APIClient.build(build) + "/log", query: query) {
                    bytes in
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
            return .ok
        })
}
