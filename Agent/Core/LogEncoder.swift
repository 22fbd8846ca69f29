public import BuildProtocol
import TextKit

/// Encodes the bytes of one stream of a build program as log records, one JSON line each.
///
/// Hand-written because it is the hot path of an agent: a verbose build prints hundreds of
/// thousands of lines a second. Nothing is lost: invalid UTF-8 becomes a visible `\xNN`, control
/// characters are JSON-escaped, and long lines are split into pieces marked `more`.
public struct LogEncoder: Sendable {
    private let stream: LogRecord.Stream
    /// The beginning of an unfinished line: shorter than two records.
    private var pending: [UInt8] = []
    /// The last record is a piece that `flush` appended, and nothing follows it yet.
    private var isOpen = false

    public init(_ stream: LogRecord.Stream) { self.stream = stream }

    /// Appends the records of the lines that `bytes` completes.
    public mutating func push(
        _ bytes: UnsafeRawBufferPointer, unixMilliseconds: Int64, into records: inout [UInt8]
    ) {
        if pending.isEmpty {
            let done = Self.encode(
                bytes, isEnd: false, prefix: Self.prefix(stream, unixMilliseconds), into: &records)
            pending.append(contentsOf: bytes[done...])
            if done > 0 { isOpen = false }
            return
        }
        // Without a newline and below the limit there is nothing to encode yet: the line of a
        // program that prints single dots must not be scanned again for each of them.
        let isShort = pending.count + bytes.count < ProtocolLimits.logRecordTextBytes
        pending.append(contentsOf: bytes)
        if isShort, !bytes.contains(0x0A) { return }
        let done = pending.withUnsafeBytes {
            Self.encode(
                $0, isEnd: false, prefix: Self.prefix(stream, unixMilliseconds), into: &records)
        }
        pending.removeFirst(done)
        if done > 0 { isOpen = false }
    }

    /// Whether there is an unfinished line of which `flush` may append a piece.
    public var hasPartialLine: Bool { !pending.isEmpty }

    /// Appends what there is of an unfinished line, as a piece that continues: a prompt or a
    /// progress bar ends in no newline.
    public mutating func flush(unixMilliseconds: Int64, into records: inout [UInt8]) {
        let done = pending.withUnsafeBytes {
            Self.encode(
                $0, isEnd: false, isPiece: true, prefix: Self.prefix(stream, unixMilliseconds),
                into: &records)
        }
        pending.removeFirst(done)
        if done > 0 { isOpen = true }
    }

    /// Appends the last line if it had no newline.
    public mutating func finish(unixMilliseconds: Int64, into records: inout [UInt8]) {
        pending.withUnsafeBytes {
            _ = Self.encode(
                $0, isEnd: true, prefix: Self.prefix(stream, unixMilliseconds), into: &records)
        }
        if isOpen, pending.isEmpty {
            records += Self.prefix(stream, unixMilliseconds) + Self.lineEnd
        }
        pending = []
        isOpen = false
    }

    /// Appends the records of a text, one per line.
    public static func append(
        _ text: String, stream: LogRecord.Stream, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) {
        var encoder = LogEncoder(stream)
        var text = text.isEmpty ? "\n" : text
        text.withUTF8 {
            encoder.push(
                UnsafeRawBufferPointer($0), unixMilliseconds: unixMilliseconds, into: &records)
        }
        encoder.finish(unixMilliseconds: unixMilliseconds, into: &records)
    }

    private static func prefix(_ stream: LogRecord.Stream, _ unixMilliseconds: Int64) -> [UInt8] {
        Array("{\"t\":\(unixMilliseconds),\"s\":\"\(stream.rawValue)\",\"m\":\"".utf8)
    }

    /// Appends a line of the supervisor about the log itself.
    public static func append(
        _ kind: LogRecord.Kind, _ text: String, unixMilliseconds: Int64,
        into records: inout [UInt8]
    ) {
        append(text, stream: .sys, unixMilliseconds: unixMilliseconds, into: &records)
        records.removeLast(2)
        records += ",\"k\":\"\(kind.rawValue)\"}\n".utf8
    }

    private static let lineEnd = Array("\"}\n".utf8)
    private static let pieceEnd = Array("\",\"more\":true}\n".utf8)

    /// - Returns: how many bytes are done; the rest is the start of an unfinished line.
    private static func encode(
        _ bytes: UnsafeRawBufferPointer, isEnd: Bool, isPiece: Bool = false, prefix: [UInt8],
        into records: inout [UInt8]
    ) -> Int {
        var position = 0
        while position < bytes.count {
            let recordStart = records.count
            records.append(contentsOf: prefix)
            switch encodeText(bytes, from: position, isEnd: isEnd, into: &records) {
            case .line(let next):
                records.append(contentsOf: lineEnd)
                position = next
            case .piece(let next):
                records.append(contentsOf: pieceEnd)
                position = next
            case .unfinished(let next) where isPiece && next > position:
                records.append(contentsOf: pieceEnd)
                return next
            case .unfinished:
                records.removeSubrange(recordStart...)
                return position
            }
        }
        return position
    }

    private enum TextEnd {
        /// The line is complete; the next begins at the offset.
        case line(Int)
        /// The record is full; the line continues at the offset.
        case piece(Int)
        /// The bytes end, or a character of which they have only the beginning is at the offset.
        case unfinished(Int)
    }

    private static func encodeText(
        _ bytes: UnsafeRawBufferPointer, from start: Int, isEnd: Bool,
        into records: inout [UInt8]
    ) -> TextEnd {
        var position = start
        var textBytes = 0
        while position < bytes.count {
            // The longest run that needs no escaping.
            let limit = min(
                bytes.count, position + ProtocolLimits.logRecordTextBytes - textBytes)
            var runEnd = position
            while runEnd < limit, ByteClass.isPlain(bytes[runEnd]) { runEnd += 1 }
            if runEnd > position {
                records.append(
                    contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<runEnd]))
                textBytes += runEnd - position
                position = runEnd
                if position == bytes.count { break }
            }
            let byte = bytes[position]
            if byte == 0x0A { return .line(position + 1) }
            // One character is at most 4 bytes, and so is `\xNN`.
            if textBytes + 4 > ProtocolLimits.logRecordTextBytes { return .piece(position) }
            if byte < 0x80 {
                appendEscaped(byte, into: &records)
                textBytes += 1
                position += 1
                continue
            }
            switch UTF8Scanner.character(bytes, at: position) {
            case .valid(let length):
                records.append(
                    contentsOf: UnsafeRawBufferPointer(
                        rebasing: bytes[position..<position + length]))
                textBytes += length
                position += length
            case .truncated where !isEnd: return .unfinished(position)
            case .truncated, .invalid:
                appendVisible(byte, into: &records)
                textBytes += 4
                position += 1
            }
        }
        return isEnd ? .line(position) : .unfinished(position)
    }

    /// A quotation mark, backslash or control character, as JSON wants it.
    private static func appendEscaped(_ byte: UInt8, into records: inout [UInt8]) {
        records.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): records.append(byte)
        case 0x09: records.append(UInt8(ascii: "t"))
        case 0x0D: records.append(UInt8(ascii: "r"))
        default:
            records.append(contentsOf: "u00".utf8)
            Hex.append(byte, to: &records)
        }
    }

    /// `\xNN`, its backslash escaped for JSON.
    private static func appendVisible(_ byte: UInt8, into records: inout [UInt8]) {
        records.append(contentsOf: "\\\\x".utf8)
        Hex.append(byte, to: &records)
    }
}

enum ByteClass {
    /// Whether a byte needs no escaping in a JSON string, whatever its neighbours.
    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
