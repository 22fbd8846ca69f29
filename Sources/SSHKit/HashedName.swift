import FoundationEssentials

/// A host name as `HashKnownHosts` hides it: `|1|salt|HMAC-SHA1 of the name`. SHA-1 is what the
/// format asks for; it hides names and protects nothing here.
struct HashedName {
    private let salt: [UInt8]
    private let digest: [UInt8]

    /// `nil` if it is not one.
    init?(_ text: Substring) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].isEmpty, parts[1] == "1",
            let salt = Data(base64Encoded: String(parts[2])),
            let digest = Data(base64Encoded: String(parts[3]))
        else { return nil }
        self.salt = [UInt8](salt)
        self.digest = [UInt8](digest)
    }

    func matches(_ name: String) -> Bool { Self.hmac(key: salt, Array(name.utf8)) == digest }

    private static let block = 64

    private static func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        var key = key.count > block ? sha1(key) : key
        key += [UInt8](repeating: 0, count: block - key.count)
        return sha1(key.map { $0 ^ 0x5C } + sha1(key.map { $0 ^ 0x36 } + message))
    }

    /// FIPS 180-4.
    private static func sha1(_ message: [UInt8]) -> [UInt8] {
        var bytes = message + [0x80]
        while bytes.count % block != 56 { bytes.append(0) }
        let bits = UInt64(message.count) &* 8
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) }
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        for start in stride(from: 0, to: bytes.count, by: block) {
            var words = (0..<16).map { index in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[start + 4 * index + $1]) }
            }
            for index in 16..<80 {
                let mixed =
                    words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
                words.append(rotated(mixed, 1))
            }
            var v = state
            for index in 0..<80 {
                let (f, k): (UInt32, UInt32) =
                    switch index {
                    case ..<20: ((v[1] & v[2]) | (~v[1] & v[3]), 0x5A82_7999)
                    case ..<40: (v[1] ^ v[2] ^ v[3], 0x6ED9_EBA1)
                    case ..<60: ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), 0x8F1B_BCDC)
                    default: (v[1] ^ v[2] ^ v[3], 0xCA62_C1D6)
                    }
                let next = rotated(v[0], 5) &+ f &+ v[4] &+ k &+ words[index]
                v = [next, v[0], rotated(v[1], 30), v[2], v[3]]
            }
            state = zip(state, v).map { $0 &+ $1 }
        }
        return state.flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }
        }
    }

    private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}
