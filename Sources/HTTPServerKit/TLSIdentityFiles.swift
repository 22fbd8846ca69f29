import Support

/// The files of a server's certificate and key, in PEM, which another program renews.
public struct TLSIdentityFiles: Sendable, Hashable {
    /// The server's certificate, followed by those of the authorities below the trusted one.
    public var certificate: String
    public var key: String

    /// A certificate has a few KiB, and a chain three or four of them.
    private static let limitBytes = 256 << 10

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// Blocks for a moment.
    /// - Throws: what is wrong, with the names of the files.
    public func read() throws(HTTPServerError) -> TLSIdentity {
        do {
            return try TLSIdentity(
                chain: try Files.read(certificate, limitBytes: Self.limitBytes),
                key: try Files.read(key, limitBytes: Self.limitBytes))
        } catch let error as SystemError {
            throw HTTPServerError(cause: error)
        } catch {
            throw HTTPServerError(
                "the certificate \(certificate) and the key \(key) cannot be used", cause: error)
        }
    }
}
