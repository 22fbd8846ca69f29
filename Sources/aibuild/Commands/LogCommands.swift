import HTTPClientKit
import Synchronization
import ArgumentKit

/// `aibuild logs`
enum LogCommands {
    static let all = [logs]

    private static let logs = Command(
        name: "logs", summary: "show the log of a build", operands: ["BUILD"],
        options: [
            CommandOption("follow", short: "f", "go on showing it until the build ends"),
            CommandOption("attempt", value: "ID", "of this attempt, not the last one"),
            CommandOption("timestamps", short: "t", "begin each line with its time"),
        ],
        details: [
            "With --follow, a lost connection is made again and the log goes on at the very byte.",
            "Ends with 0 when the build passed, with 1 when it failed or was cancelled.",
            "With --json, the lines are printed as the agent wrote them, one JSON object each.",
        ],
        examples: [
            "aibuild logs debian12:7", "aibuild logs -f debian12:7", "aibuild logs 7f3a… -t",
        ],
        run: { context in
            let build = context.arguments.operands[0]
            if context.arguments.has("follow") {
                guard !context.arguments.has("attempt") else {
                    throw CommandError(.usage, "--attempt shows a log that does not grow any more")
                }
                return try await BuildFollower(context).follow(build)
            }
            let printer = LogPrinter(context)
            let lines = Mutex(LineSplitter())
            let query = context.arguments["attempt"].map { [("attempt", $0)] } ?? []
            do throws(HTTPClientError) {
                try await context.api.stream(APIClient.build(build) + "/log", query: query) {
                    bytes in
                    let piece = Array(bytes)
                    for line in try lines.withLock({ try $0.feed(piece) }) { printer.print(line) }
                }
            } catch {
                throw context.api.commandError(error)
            }
            printer.finish()
            return .ok
        })
}

/// Cuts bytes into lines.
struct LineSplitter {
    /// Longer than any record of a log; a bound on what an odd server can make this hold.
    private static let limitBytes = 8 << 20

    private var rest: [UInt8] = []

    mutating func feed(_ bytes: [UInt8]) throws -> [String] {
        rest += bytes
        var lines: [String] = []
        var start = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: rest[start..<end], as: UTF8.self))
            start = end + 1
        }
        rest.removeFirst(start)
        guard rest.count <= Self.limitBytes else {
            throw CommandError(.refused, "the log holds a line without end")
        }
        return lines
    }
}
