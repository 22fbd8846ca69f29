import CGnuTLS

/// What a server proves itself by: its certificate with those of the authorities between it and a
/// trusted one, and its key.
public struct TLSIdentity: Sendable, Hashable {
    let chain: [UInt8]
    let key: [UInt8]
    /// When the certificate expires, in seconds since 1970.
    public let expiresUnixSeconds: Int64

    /// - Parameters:
    ///   - chain: certificates in PEM, the server's first.
    ///   - key: in PEM, without a password.
    /// - Throws: if one of them cannot be read, or if they do not belong together.
    public init(chain: [UInt8], key: [UInt8]) throws(HTTPServerError) {
        var expires = 0
        let code = aib_tls_check(chain, chain.count, key, key.count, &expires)
        guard code >= 0 else { throw HTTPServerError(Self.problem(code)) }
        self.chain = chain
        self.key = key
        expiresUnixSeconds = Int64(expires)
    }

    /// Whether the certificate is for the host, which may be an address, as in a URL.
    public func names(_ host: String) -> Bool {
        let bare = host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host
        return aib_tls_names(chain, chain.count, bare) != 0
    }

    private static func problem(_ code: Int32) -> String {
        switch code {
        case GNUTLS_E_CERTIFICATE_KEY_MISMATCH: "the certificate is not that of the key"
        case GNUTLS_E_NO_CERTIFICATE_FOUND, GNUTLS_E_BASE64_DECODING_ERROR,
            GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
            "one of them is not in PEM"
        case GNUTLS_E_DECRYPTION_FAILED:
            "the key has a password: store it without one, in a file that only the server reads"
        default: gnutls_strerror(code).map { sentence(String(cString: $0)) } ?? "error \(code)"
        }
    }

    /// Without the dot that ends it.
    private static func sentence(_ words: String) -> String {
        words.utf8.last == UInt8(ascii: ".") ? String(words.dropLast()) : words
    }
}
