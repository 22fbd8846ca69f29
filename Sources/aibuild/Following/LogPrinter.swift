import BuildProtocol
import FoundationEssentials
import Synchronization
import ArgumentKit
import TextKit

/// Prints records of a build's log, safe for a terminal. A line that is not complete yet is shown
/// as far as it is known: redrawn on a terminal; elsewhere as long as it only grows, because what
/// has been printed there stays.
final class LogPrinter: Sendable {
    private struct Open {
        var stream: LogRecord.Stream
        var prefix: String
        var line = TerminalLine()
        /// Cells on the screen.
        var shown = 0
        var hasPrefix = false
        /// The line is printed when it is complete.
        var isHeld = false
    }

    private let context: CommandContext
    /// The line that the next record of its stream continues.
    private let open = Mutex<Open?>(nil)
    private let lines: Mutex<Int>
    /// Beyond it, the beginning of an open line is final.
    private static let cells = 64 << 10

    /// - Parameter number: of the first line, in the build's log.
    init(_ context: CommandContext, from number: Int = 1) {
        self.context = context
        lines = Mutex(number - 1)
    }

    /// Whether a line is shown that may continue.
    var isOpen: Bool { open.withLock { $0?.hasPrefix ?? false } }

    /// - Parameter line: a line of `log.ndjson`; anything else is printed as it is.
    func print(_ line: String) {
        if line.isEmpty { return }
        if context.wantsJSON {
            context.console.out(line + "\n")
            return
        }
        let known = try? JSONDecoder().decode(LogRecord.self, from: Data(line.utf8))
        let record = known ?? LogRecord(t: 0, s: .sys, m: line)
        context.console.out(
            open.withLock { open in
                var text = ""
                if open?.stream != record.s {
                    text += end(&open)
                    open = Open(stream: record.s, prefix: prefix(record))
                }
                open?.line.write(record.m)
                return text + (record.more == true ? grow(&open) : end(&open))
            })
    }

    /// Ends a line that is still open.
    func finish() {
        let text = open.withLock { end(&$0) }
        if !text.isEmpty { context.console.out(text) }
    }

    /// What makes the rest of the line visible.
    private func grow(_ open: inout Open?) -> String {
        guard var line = open.take() else { return "" }
        defer { open = line }
        var text = ""
        if context.console.outIsTerminal {
            if line.line.changedFrom < line.shown {
                text = "\r\u{1B}[K" + redrawn(&line, cells: max(20, context.console.width() - 1))
            } else {
                text = added(&line)
            }
        } else if line.line.isOverwritten {
            // A progress bar: what was printed of it becomes a line of its own.
            if line.hasPrefix { text = "\n" }
            line.hasPrefix = false
            line.shown = 0
            line.isHeld = true
        } else if !line.isHeld {
            text = added(&line)
        }
        if line.line.count > Self.cells {
            if line.isHeld { text += added(&line) }
            line.line = TerminalLine()
            line.shown = 0
            line.isHeld = false
        }
        return text
    }

    private func end(_ open: inout Open?) -> String {
        guard var line = open.take() else { return "" }
        let isWrong = line.hasPrefix && line.line.changedFrom < line.shown
        guard isWrong else { return added(&line) + "\n" }
        return (context.console.outIsTerminal ? "\r\u{1B}[K" : "\n")
            + redrawn(&line, cells: .max) + "\n"
    }

    /// The cells that are not on the screen yet.
    private func added(_ line: inout Open) -> String {
        let text = (line.hasPrefix ? "" : line.prefix) + shown(line, from: line.shown, limit: .max)
        line.hasPrefix = true
        line.shown = line.line.count
        line.line.mark()
        return text
    }

    private func redrawn(_ line: inout Open, cells: Int) -> String {
        let room = max(0, cells - (line.prefix.isEmpty ? 0 : Self.timeColumns))
        let text = line.prefix + shown(line, from: 0, limit: room)
        line.hasPrefix = true
        line.shown = min(line.line.count, room)
        line.line.mark()
        return text
    }

    private func shown(_ line: Open, from start: Int, limit: Int) -> String {
        guard line.stream != .sys else {
            return context.style.paint(line.line.plain(from: start, limit: limit), .cyan)
        }
        return context.style.isColoured
            ? line.line.coloured(from: start, limit: limit)
            : line.line.plain(from: start, limit: limit)
    }

    /// Of a time stamp, with the space after it.
    private static let timeColumns = 20

    private func prefix(_ record: LogRecord) -> String {
        let number = lines.withLock { count in
            count += 1
            return count
        }
        let isNumbered = context.arguments.has("line-numbers")
        return (isNumbered ? context.style.paint("\(number) | ", .faint) : "") + time(record)
    }

    private func time(_ record: LogRecord) -> String {
        guard context.arguments.has("timestamps"), record.t > 0 else { return "" }
        let date = Date(timeIntervalSince1970: Double(record.t) / 1000)
        let time = Format.time(date.formatted(Date.ISO8601FormatStyle()))
        return context.style.paint(time + " ", .faint)
    }
}
