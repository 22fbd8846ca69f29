import CCurl

/// Converts the library's error number to a sentence.
struct TransferFailure {
    let request: TransferRequest
    let code: CURLcode
    /// The library's own message, possibly empty.
    let text: String
    let isCertificateRefused: Bool

    var error: HTTPClientError {
        let url = request.shownURL
        let words = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
        if isCertificateRefused { return certificateRefused }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            return HTTPClientError(
                .couldNotResolve,
                "cannot reach \(url): its host name is unknown here; check the name, "
                    + "and the DNS of this machine")
        case CURLE_COULDNT_CONNECT:
            return HTTPClientError(
                .refused, "cannot connect to \(url): \(words); is the server running there?")
        case CURLE_OPERATION_TIMEDOUT:
            let seconds = Int(request.timeouts.connectSeconds.rounded(.up))
            return HTTPClientError(
                .timedOut,
                "cannot connect to \(url) within \(seconds) s; "
                    + "is the address right, and does a firewall let it pass?")
        case CURLE_URL_MALFORMAT:
            return HTTPClientError(.invalidRequest, "'\(url)' is not a URL: \(words)")
        case CURLE_UNSUPPORTED_PROTOCOL:
            return HTTPClientError(
                .protocolForbidden, "\(url) is refused: \(words); allowed are \(allowed)")
        case CURLE_TOO_MANY_REDIRECTS:
            return HTTPClientError(
                .tooManyRedirects,
                "\(url) redirects more than \(request.redirects) times; "
                    + "does it lead in a circle?")
        case CURLE_FILE_COULDNT_READ_FILE:
            return HTTPClientError(
                .fileUnreadable, "cannot read \(url): \(words); does it exist on this machine?")
        case CURLE_BAD_DOWNLOAD_RESUME, CURLE_RANGE_ERROR:
            return HTTPClientError(
                .rangeRefused,
                "\(url) cannot be resumed at byte \(request.offset); begin anew")
        case CURLE_SSL_CONNECT_ERROR where isCut(words):
            return HTTPClientError(.broken, "the connection to \(url) broke: \(words)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_USE_SSL_FAILED, CURLE_SSL_INVALIDCERTSTATUS:
            return HTTPClientError(.tls, "no safe connection to \(url): \(words)")
        case CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING,
            CURLE_HTTP2, CURLE_HTTP2_STREAM:
            return HTTPClientError(.broken, "the connection to \(url) broke: \(words)")
        default:
            return HTTPClientError(.other, "cannot ask \(url): \(words)")
        }
    }

    /// Whether the network, rather than a refusal, ended a TLS handshake.
    private func isCut(_ words: String) -> Bool {
        ["reset by peer", "SSL_ERROR_SYSCALL", "Broken pipe", "unexpected eof"].contains {
            words.contains($0)
        }
    }

    private var certificateRefused: HTTPClientError {
        let shows = request.tls.certificate.map { "the certificate \($0)" } ?? "no certificate"
        return HTTPClientError(
            .certificateRefused,
            "\(request.shownURL) does not let us in: it was shown \(shows); give one signed "
                + "by the authority that the server trusts and that has not expired")
    }

    private var allowed: String {
        var names: [String] = []
        if request.schemes.contains(.http) { names += ["http", "https"] }
        if request.schemes.contains(.file) { names.append("file") }
        return names.joined(separator: ", ")
    }
}
