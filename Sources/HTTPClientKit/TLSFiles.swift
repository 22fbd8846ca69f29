/// The trusted authorities and the client certificate, as files in PEM format.
public struct TLSFiles: Sendable, Hashable {
    /// Certificates of the trusted authorities; `nil`: the system's.
    public var authorities: String?
    /// The client's certificate; `nil`: none.
    public var certificate: String?
    /// The private key of `certificate`.
    public var key: String?
    /// Whether the server must prove itself. Only a server that is this process needs not.
    public var isVerified = true
    /// At most TLS 1.2, in which the server checks the client's certificate during the handshake:
    /// to find out why a connection was closed.
    public var isAtMost12 = false

    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }
}
