/// SHA-256, in pieces.
public struct SHA256: ~Copyable {
    private var digest = Digest.sha256()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { digest.update(bytes) }

    /// 64 lower-case hexadecimal digits. The hasher is used up.
    public consuming func finish() -> String { digest.finish() }

    public static func hex(_ bytes: some Collection<UInt8>) -> String {
        var hasher = SHA256()
        Array(bytes).withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// Digest of the first `limitBytes` of a file (all of it by default).
    public static func file(_ path: String, limitBytes: Int64 = .max) throws(SystemError) -> String
    {
        var hasher = SHA256()
        try hasher.digest.update(file: path, limitBytes: limitBytes)
        return hasher.finish()
    }
}

public enum Hex {
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `nil` where `text` is not pairs of hexadecimal digits.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
