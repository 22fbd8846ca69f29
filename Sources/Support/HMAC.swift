import CCrypto

/// Authenticates messages by a shared secret, with libcrypto.
public enum HMAC {
    /// - Returns: the 32 bytes of HMAC-SHA256 (RFC 2104).
    public static func sha256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        CCrypto.HMAC(
            EVP_sha256(), key, Int32(clamping: key.count), message, message.count, &digest, &count)
        return Array(digest.prefix(Int(count)))
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    public static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return CRYPTO_memcmp(a, b, a.count) == 0
    }
}
