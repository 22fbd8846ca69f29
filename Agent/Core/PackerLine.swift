/// A line of `packer -machine-readable`: `timestamp,target,type,data…`. The data may be any bytes.
public struct PackerLine: Sendable, Hashable {
    public var target: String
    public var type: String
    public var data: [[UInt8]]

    /// `nil` if the line does not have this form: output of another program, a crash report.
    public init?(_ line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count >= 3, !fields[0].isEmpty,
            fields[0].allSatisfy({ (48...57).contains($0) }),
            fields[2].allSatisfy({ $0 == 0x2D || (97...122).contains($0) }), !fields[2].isEmpty
        else { return nil }
        target = String(decoding: fields[1], as: UTF8.self)
        type = String(decoding: fields[2], as: UTF8.self)
        data = fields.dropFirst(3).map { Self.unescape($0) }
    }

    /// Packer escapes commas, newlines and carriage returns, but not backslashes, so a literal `\n`
    /// in the output of a guest becomes a newline too.
    static func unescape(_ field: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(field.count)
        var rest = field[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "%"), rest.starts(with: comma) {
                out.append(UInt8(ascii: ","))
                rest = rest.dropFirst(comma.count)
            } else if byte == UInt8(ascii: "\\"), let escaped = newline(rest.dropFirst().first) {
                out.append(escaped)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte)
                rest = rest.dropFirst()
            }
        }
        return out
    }

    private static let comma = Array("%!(PACKER_COMMA)".utf8)

    private static func newline(_ letter: UInt8?) -> UInt8? {
        switch letter {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        default: nil
        }
    }
}
