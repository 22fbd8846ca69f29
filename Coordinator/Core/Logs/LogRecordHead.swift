public import BuildProtocol
import FoundationEssentials

/// What a record of a log does to the lines, found without reading its text. The one rule by which
/// lines are numbered: the first error, the API, the page and `aibuild logs` count by it.
///
/// A line is what consecutive records of one stream, of which all but the last have `more`, join
/// to. Records of another stream end it, because who reads the log as it grows cannot go back.
public struct LogRecordHead: Sendable, Hashable {
    public var stream: LogRecord.Stream
    /// The line continues in the next record, if that is of the same stream.
    public var isContinued: Bool
    /// Where the text begins, escaped as JSON; `nil` unless the record has the agent's own form.
    public var textStart: Int?

    private static let opening = Array(#"{"t":"#.utf8)
    private static let beforeStream = Array(#","s":""#.utf8)
    private static let beforeText = Array(#"","m":""#.utf8)
    private static let ending = Array(#""}"#.utf8)
    private static let unfinished = Array(#"","more":true}"#.utf8)

    /// - Parameter record: without its newline. What is no record is a line of its own.
    public init(_ record: UnsafeRawBufferPointer) {
        if let known = Self.fast(record) {
            self = known
        } else if let known = LogRecord(line: record) {
            self.init(stream: known.s, isContinued: known.more == true)
        } else {
            self.init(stream: .sys, isContinued: false)
        }
    }

    public init(_ record: ArraySlice<UInt8>) {
        self = record.withUnsafeBytes { LogRecordHead($0) }
    }

    private init(stream: LogRecord.Stream, isContinued: Bool, textStart: Int? = nil) {
        self.stream = stream
        self.isContinued = isContinued
        self.textStart = textStart
    }

    /// The text, escaped as JSON; `nil` unless the record has the agent's own form.
    public func escapedText(in record: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let textStart else { return nil }
        let tail = isContinued ? Self.unfinished.count : Self.ending.count
        guard textStart <= record.count - tail else { return nil }
        return UnsafeRawBufferPointer(rebasing: record[textStart..<(record.count - tail)])
    }

    /// As agents write records: nothing but the two ends is looked at.
    private static func fast(_ record: UnsafeRawBufferPointer) -> LogRecordHead? {
        guard record.count >= opening.count, has(opening, at: 0, in: record) else { return nil }
        var at = opening.count
        while at < record.count, (0x30...0x39).contains(record[at]) { at += 1 }
        guard has(beforeStream, at: at, in: record) else { return nil }
        at += beforeStream.count
        guard at + 3 <= record.count else { return nil }
        let stream: LogRecord.Stream
        switch (record[at], record[at + 1], record[at + 2]) {
        case (0x6F, 0x75, 0x74): stream = .out
        case (0x65, 0x72, 0x72): stream = .err
        case (0x73, 0x79, 0x73): stream = .sys
        default: return nil
        }
        at += 3
        guard has(beforeText, at: at, in: record) else { return nil }
        at += beforeText.count
        let isContinued = ends(record, with: unfinished, from: at)
        guard isContinued || ends(record, with: ending, from: at) else { return nil }
        return LogRecordHead(stream: stream, isContinued: isContinued, textStart: at)
    }

    private static func ends(
        _ record: UnsafeRawBufferPointer, with tail: [UInt8], from start: Int
    ) -> Bool {
        let end = record.count - tail.count
        return end >= start && has(tail, at: end, in: record)
    }

    private static func has(
        _ word: [UInt8], at start: Int, in record: UnsafeRawBufferPointer
    ) -> Bool {
        guard start + word.count <= record.count else { return false }
        for index in word.indices where record[start + index] != word[index] { return false }
        return true
    }
}

extension LogRecord {
    /// `nil` if the line is no record.
    public init?(line: UnsafeRawBufferPointer) {
        guard let known = try? JSONDecoder().decode(LogRecord.self, from: Data(line)) else {
            return nil
        }
        self = known
    }

    /// What people see of a line that is no record.
    public init(unreadable line: UnsafeRawBufferPointer) {
        self.init(
            t: 0, s: .sys,
            m: String(decoding: line.prefix(ProtocolLimits.logRecordTextBytes), as: UTF8.self))
    }
}
