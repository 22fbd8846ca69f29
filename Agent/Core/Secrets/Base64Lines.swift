/// Base64, as programs print it: in both alphabets, and cut into lines.
enum Base64Lines {
    static let alphabets: [[UInt8]] = ["+/", "-_"].map {
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
            + Array($0.utf8)
    }

    /// Without padding.
    static func encode(_ bytes: [UInt8], _ alphabet: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.count * 4 / 3 + 2)
        var (bits, count) = (0, 0)
        for byte in bytes {
            bits = (bits << 8 | Int(byte)) & 0xFFFF
            count += 8
            while count >= 6 {
                count -= 6
                encoded.append(alphabet[bits >> count & 63])
            }
        }
        if count > 0 { encoded.append(alphabet[bits << (6 - count) & 63]) }
        return encoded
    }

    /// The lines of a text that takes several: `base64` cuts at 76 characters, `openssl` at 64.
    static func of(_ bytes: [UInt8]) -> [[UInt8]] {
        let encoded = encode(bytes, alphabets[0])
        return [64, 76].filter { encoded.count > $0 }.flatMap { width in
            stride(from: 0, to: encoded.count, by: width).map {
                Array(encoded[$0..<min($0 + width, encoded.count)])
            }
        }
    }
}
