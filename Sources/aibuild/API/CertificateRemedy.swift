import HTTPClientKit

/// What to do about a coordinator to which there is no connection by TLS.
enum CertificateRemedy {
    /// By the words of the TLS library.
    private static let remedies: [(words: String, remedy: String)] = [
        (
            "certificate has expired",
            "Renew the certificate on the coordinator, which uses the new one at once. If it is "
                + "not that old, check the clock of this machine."
        ),
        ("not yet valid", "Check the clock of this machine, and that of the coordinator."),
        (
            "subject name",
            "Use a name that the certificate has in AIBUILD_URL or --url, or give the coordinator "
                + "a certificate that has this one."
        ),
        (
            "error setting certificate",
            "Check the file of --ca-file or AIBUILD_CA_FILE: certificates in PEM."
        ),
        (
            "certificate problem",
            "If the certificate is of an authority of your own, name the file of that authority's "
                + "certificate: --ca-file FILE or AIBUILD_CA_FILE."
        ),
        ("wrong version number", "It has no TLS: use http:// in AIBUILD_URL or --url."),
    ]

    /// `nil` if the failure has another reason.
    static func text(_ error: HTTPClientError, url: String) -> String? {
        switch error.code {
        case .tls: remedies.first { error.message.contains($0.words) }?.remedy
        // A server without TLS answers the handshake, or closes the connection upon it.
        case .broken where error.message.contains("SSL_connect"):
            "If it has no TLS, use http:// in AIBUILD_URL or --url."
        case .broken where url.contains("http://"):
            "If it has TLS, use https:// in AIBUILD_URL or --url."
        default: nil
        }
    }
}
