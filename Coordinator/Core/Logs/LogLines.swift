public import BuildProtocol
import TextKit

/// A line of a build's log, as people see it.
public struct LogLine: Sendable, Hashable {
    /// Counted from 1, over the logs of all attempts of the build.
    public var number: Int
    public var stream: LogRecord.Stream
    public var text: String

    public init(number: Int, stream: LogRecord.Stream, text: String) {
        self.number = number
        self.stream = stream
        self.text = text
    }
}

/// Joins the records of a log, as they are stored, to its lines.
public struct LogLines: Sendable {
    private var rest: [UInt8] = []
    private var count: Int
    private var open: (stream: LogRecord.Stream, text: String)?

    /// - Parameter count: the lines of earlier attempts.
    public init(after count: Int = 0) { self.count = count }

    /// - Parameter bytes: the next piece of the log, cut anywhere.
    /// - Returns: the lines that it completes.
    public mutating func take(_ bytes: [UInt8]) -> [LogLine] {
        var lines: [LogLine] = []
        forEachRecord(bytes) { $0.take(record: $1, &lines) }
        return lines
    }

    /// Counts the lines of a piece, without reading them.
    public mutating func skip(_ bytes: [UInt8]) {
        forEachRecord(bytes) { lines, record in
            let head = LogRecordHead(record)
            if lines.open?.stream != head.stream { lines.endSkipped() }
            lines.open = (head.stream, "")
            if !head.isContinued { lines.endSkipped() }
        }
    }

    private mutating func endSkipped() {
        if open.take() != nil { count += 1 }
    }

    private mutating func forEachRecord(
        _ bytes: [UInt8], _ body: (inout LogLines, ArraySlice<UInt8>) -> Void
    ) {
        rest += bytes
        var start = 0
        while let end = rest[start...].firstIndex(of: 0x0A) {
            body(&self, rest[start..<end])
            start = end + 1
        }
        rest.removeFirst(start)
    }

    /// Lines so far, with one that is not complete.
    public var number: Int { count + (open == nil ? 0 : 1) }

    /// The line that had no end.
    public mutating func finish() -> LogLine? {
        var lines: [LogLine] = []
        close(&lines)
        return lines.first
    }

    private mutating func take(record bytes: ArraySlice<UInt8>, _ lines: inout [LogLine]) {
        let record = bytes.withUnsafeBytes { LogRecord(line: $0) ?? LogRecord(unreadable: $0) }
        if let known = open, known.stream != record.s { close(&lines) }
        let text = (open?.text ?? "") + record.m
        // Only the beginning of a line without end is looked at.
        open = (record.s, text.prefixOfUTF8(ProtocolLimits.logRecordTextBytes))
        if record.more != true { close(&lines) }
    }

    private mutating func close(_ lines: inout [LogLine]) {
        guard let line = open.take() else { return }
        count += 1
        lines.append(
            LogLine(number: count, stream: line.stream, text: TerminalLine.plain(line.text)))
    }
}
