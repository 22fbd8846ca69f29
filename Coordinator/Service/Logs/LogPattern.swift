import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Support
import TextKit

/// What lines are searched for: a text, whatever its case, and whether they look like errors.
public struct LogPattern: Sendable, Hashable {
    public var text: String
    public var onlyErrors: Bool

    public init(text: String, onlyErrors: Bool) {
        self.text = text
        self.onlyErrors = onlyErrors
    }
}

/// A pattern as it is looked for in a million lines.
struct LogMatcher {
    private let needle: [UInt8]
    private let isPlain: Bool
    private let lowered: String
    private let errors: KnownErrors?
    private var decoded: [UInt8] = []

    init(_ pattern: LogPattern) {
        lowered = pattern.text.lowercased()
        needle = Array(lowered.utf8)
        isPlain = needle.allSatisfy { $0 < 0x80 }
        errors = pattern.onlyErrors ? KnownErrors() : nil
    }

    /// - Parameter escaped: the text of a line that is one record.
    mutating func matches(_ record: UnsafeRawBufferPointer, _ head: LogRecordHead) -> Bool {
        guard let escaped = head.escapedText(in: record) else {
            let known = LogRecord(line: record) ?? LogRecord(unreadable: record)
            return matches(known.m, of: known.s)
        }
        guard ByteSearch.first(UInt8(ascii: "\\"), in: escaped) != nil else {
            return matches(bytes: escaped, of: head.stream)
        }
        if LogText.decode(escaped, into: &decoded) {
            return decoded.withUnsafeBytes { matches(bytes: $0, of: head.stream) }
        }
        return matches(LogRecord(line: record)?.m ?? "", of: head.stream)
    }

    /// - Parameter text: as the program wrote it.
    func matches(_ text: String, of stream: LogRecord.Stream) -> Bool {
        var shown = LogText.plain(text)
        return shown.withUTF8 { matches(bytes: UnsafeRawBufferPointer($0), of: stream) }
    }

    private func matches(bytes: UnsafeRawBufferPointer, of stream: LogRecord.Stream) -> Bool {
        guard contains(bytes) else { return false }
        return errors?.contains(bytes, of: stream) ?? true
    }

    private func contains(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = needle.first else { return true }
        guard isPlain else {
            return bytes.contains { $0 >= 0x80 }
                && String(decoding: bytes, as: UTF8.self).lowercased().contains(lowered)
        }
        let last = bytes.count - needle.count
        guard last >= 0 else { return false }
        return needle.withUnsafeBufferPointer { needle in
            var start = 0
            while start <= last {
                if Self.folded(bytes[start]) == first {
                    var index = 1
                    while index < needle.count,
                        Self.folded(bytes[start + index]) == needle[index]
                    {
                        index += 1
                    }
                    if index == needle.count { return true }
                }
                start += 1
            }
            return false
        }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}
