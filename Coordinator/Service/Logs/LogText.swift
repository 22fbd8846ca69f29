import BuildProtocol
import CoordinatorCore
import TextKit

/// The text of log lines as a terminal shows it, without work for what needs none: nearly all lines
/// are plain.
enum LogText {
    static func plain(_ text: String) -> String {
        text.utf8.contains { $0 < 0x20 || $0 >= 0x7F } ? TerminalLine.plain(text) : text
    }

    /// Removes the escapes of JSON and colours.
    ///
    /// - Parameter text: of one record, escaped as JSON.
    /// - Returns: whether the text is now in `out`. If not, it moves the cursor or the like.
    static func decode(_ text: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
        out.removeAll(keepingCapacity: true)
        var at = 0
        while at < text.count {
            let byte = text[at]
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                at += 1
                continue
            }
            guard at + 1 < text.count else { return false }
            switch text[at + 1] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
                out.append(text[at + 1])
                at += 2
            default:
                guard let end = colourEnd(text, from: at) else { return false }
                at = end
            }
        }
        return true
    }

    /// Behind `\u001b[…m`, which starts at `start`.
    private static func colourEnd(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let escape = StaticBytes.escape
        guard start + escape.count < text.count else { return nil }
        for index in escape.indices where text[start + index] != escape[index] { return nil }
        var at = start + escape.count
        while at < text.count, (0x30...0x3B).contains(text[at]) { at += 1 }
        return at < text.count && text[at] == UInt8(ascii: "m") ? at + 1 : nil
    }

    private enum StaticBytes {
        static let escape = Array("\\u001b[".utf8)
    }
}
