import BuildProtocol
import TextKit

/// Recognizes one UTF-8 character in raw bytes.
enum UTF8Scanner {
    enum Character: Equatable {
        case valid(length: Int)
        /// All bytes to the end of the buffer are the start of a valid character.
        case truncated
        case invalid
    }

    /// The character at `position`, whose byte is 0x80 or more.
    static func character(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Character {
        let lead = bytes[position]
        // The range of the second byte excludes overlong forms, surrogates, and code points beyond
        // U+10FFFF.
        let (length, second): (Int, ClosedRange<UInt8>)
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return .invalid
        }
        for offset in 1..<length {
            guard position + offset < bytes.count else { return .truncated }
            let byte = bytes[position + offset]
            guard (offset == 1 ? second : 0x80...0xBF).contains(byte) else { return .invalid }
        }
        return .valid(length: length)
    }
}

/// The tail of a serial console as text. Invalid UTF-8 becomes `\xNN`, as in the log.
public enum ConsoleText {
    public static func tail(_ bytes: [UInt8]) -> String {
        var text = ""
        bytes.suffix(ProtocolLimits.serialTailBytes).withUnsafeBytes { raw in
            var position = 0
            while position < raw.count {
                let byte = raw[position]
                var length = 1
                if byte >= 0x80 {
                    guard case .valid(let valid) = UTF8Scanner.character(raw, at: position) else {
                        text += "\\x" + Hex.encode([byte])
                        position += 1
                        continue
                    }
                    length = valid
                }
                text += String(decoding: raw[position..<position + length], as: UTF8.self)
                position += length
            }
        }
        return text
    }
}
