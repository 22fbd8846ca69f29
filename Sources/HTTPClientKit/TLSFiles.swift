/// Whom a client trusts, and as whom it shows itself: files in PEM format.
public struct TLSFiles: Sendable, Hashable {
    /// Certificates of the authorities whose servers are trusted; `nil`: the system's own.
    public var authorities: String?
    /// The client's certificate; `nil` shows none.
    public var certificate: String?
    /// The private key of `certificate`.
    public var key: String?
    /// At most TLS 1.2, where the server judges the client's certificate within the handshake: for
    /// one who wants to know why a connection was closed.
    public var isAtMost12 = false

    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }
}
