public import BuildProtocol
import FoundationEssentials
import TextKit

/// A line of a build's log, as people see it.
public struct LogLine: Sendable, Hashable {
    /// Counted from 1, as in the output of `aibuild logs`.
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
    private var count = 0
    private var open: (stream: LogRecord.Stream, text: String)?

    public init() {}

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
            if !record.suffix(Self.unfinished.count).elementsEqual(Self.unfinished) {
                lines.count += 1
            }
        }
    }

    private static let unfinished = Array(#""more":true}"#.utf8)

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

    /// The line that had no end.
    public mutating func finish() -> LogLine? {
        var lines: [LogLine] = []
        close(&lines)
        return lines.first
    }

    private mutating func take(record bytes: ArraySlice<UInt8>, _ lines: inout [LogLine]) {
        guard let record = try? JSONDecoder().decode(LogRecord.self, from: Data(bytes)) else {
            close(&lines)
            return
        }
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
