import BuildProtocol
import FoundationEssentials
import Synchronization
import ArgumentKit

/// Prints records of a build's log, safe for a terminal.
final class LogPrinter: Sendable {
    private let context: CommandContext
    /// The stream whose last record continues in its next one.
    private let open = Mutex<LogRecord.Stream?>(nil)

    init(_ context: CommandContext) { self.context = context }

    /// - Parameter line: a line of `log.ndjson`; anything else is printed as it is.
    func print(_ line: String) {
        if line.isEmpty { return }
        if context.wantsJSON {
            context.console.out(line + "\n")
            return
        }
        let record = try? JSONDecoder().decode(LogRecord.self, from: Data(line.utf8))
        context.console.out(text(record ?? LogRecord(t: 0, s: .sys, m: line)))
    }

    /// Ends a line that is still open.
    func finish() {
        if open.withLock({ $0.take() }) != nil { context.console.out("\n") }
    }

    private func text(_ record: LogRecord) -> String {
        let words = SafeText.line(record.m, colours: context.style.isColoured)
        return open.withLock { open in
            let goesOn = open == record.s
            let begin = open == nil || goesOn ? "" : "\n"
            open = record.more == true ? record.s : nil
            let head = goesOn ? "" : prefix(record)
            let shown = record.s == .sys ? context.style.paint(words, .cyan) : words
            return begin + head + shown + (open == nil ? "\n" : "")
        }
    }

    private func prefix(_ record: LogRecord) -> String {
        guard context.arguments.has("timestamps"), record.t > 0 else { return "" }
        let date = Date(timeIntervalSince1970: Double(record.t) / 1000)
        let time = Format.time(date.formatted(Date.ISO8601FormatStyle()))
        return context.style.paint(time + " ", .faint)
    }
}
