import FoundationEssentials

/// The signature of Standard Webhooks (standardwebhooks.com), version 1.
public enum StandardWebhook {
    private static let prefix = "whsec_"

    /// The HMAC-SHA256 of `<id>.<timestamp>.<body>`.
    /// - Parameter secret: a text, or `whsec_` and base64.
    /// - Returns: `nil` if that is no base64.
    public static func digest(
        id: String, timestamp: String, _ body: [UInt8], secret: String
    ) -> [UInt8]? {
        guard let key = key(secret) else { return nil }
        return HMAC.sha256(Array("\(id).\(timestamp).".utf8) + body, key: key)
    }

    private static func key(_ secret: String) -> [UInt8]? {
        guard secret.hasPrefix(prefix) else { return Array(secret.utf8) }
        return Data(base64Encoded: String(secret.dropFirst(prefix.count))).map { Array($0) }
    }
}
