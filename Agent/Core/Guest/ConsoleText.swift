import BuildProtocol
import TextKit

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
