public import BuildProtocol
import CoordinatorCore
import Support
public import TextKit

/// A line of a build's log, as people see it.
public struct ShownLine: Sendable, Hashable {
    public var number: Int
    /// Of the attempt, from 1.
    public var ordinal: Int
    public var stream: LogRecord.Stream
    /// What the agent says of the log itself; `nil` for all other lines.
    public var kind: LogRecord.Kind?
    public var unixMilliseconds: Int64
    public var runs: [TerminalRun]
    /// It is not complete: it may change.
    public var isOpen: Bool
    /// Only the beginning is shown.
    public var isCut: Bool

    public var text: String { runs.map(\.text).joined() }
}

/// Collects some lines from the pieces of a log.
struct LineCollector {
    private(set) var lines: [ShownLine] = []
    private let ordinal: Int
    private let wanted: ClosedRange<Int>
    /// Of the line that is read, and where it begins in the build.
    private var number: Int
    private var open: Open?
    private var openStream: LogRecord.Stream?
    private var cells = 0

    private struct Open {
        var record: LogRecord
        var line = TerminalLine()
        var bytes = 0
    }

    /// - Parameters:
    ///   - number: of the line with which the first piece begins.
    ///   - wanted: lines of this attempt.
    init(from number: Int, wanted: ClosedRange<Int>, ordinal: Int) {
        self.number = number - 1
        self.wanted = wanted
        self.ordinal = ordinal
    }

    /// - Returns: how many bytes were read; less than the whole records when all is there.
    mutating func take(_ raw: UnsafeRawBufferPointer) -> Int {
        var start = 0
        while !isDone, let newline = ByteSearch.first(0x0A, in: raw, from: start) {
            take(record: UnsafeRawBufferPointer(rebasing: raw[start..<newline]))
            start = newline + 1
        }
        return start
    }

    var isDone: Bool { number >= wanted.upperBound && openStream == nil }

    /// The log has no more.
    mutating func finish() { close(isOpen: true) }

    private mutating func take(record bytes: UnsafeRawBufferPointer) {
        let head = LogRecordHead(bytes)
        if openStream != head.stream {
            // A line of another stream ends the last one that is wanted.
            close(isOpen: false)
            openStream = nil
            if number == wanted.upperBound { return }
            number += 1
        }
        openStream = head.isContinued ? head.stream : nil
        guard number >= wanted.lowerBound else { return }
        add(bytes)
        if !head.isContinued { close(isOpen: false) }
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let record = LogRecord(line: bytes) ?? LogRecord(unreadable: bytes)
        var line = open.take() ?? Open(record: record)
        if line.bytes < LogLimits.lineBytes * 16 {
            line.line.write(record.m)
            line.bytes += record.m.utf8.count
        }
        open = line
    }

    private mutating func close(isOpen: Bool) {
        guard let line = open.take() else { return }
        let limit = cells < LogLimits.answerCells ? LogLimits.shownCells : LogLimits.cutCells
        cells += min(limit, line.line.count)
        lines.append(
            ShownLine(
                number: number, ordinal: ordinal, stream: line.record.s, kind: line.record.k,
                unixMilliseconds: line.record.t, runs: line.line.runs(limit: limit),
                isOpen: isOpen, isCut: line.line.count > limit))
    }
}
