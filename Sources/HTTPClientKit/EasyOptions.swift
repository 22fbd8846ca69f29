import CCurl
import HTTPTypes

/// Sets the options of a request on a handle of the library.
struct EasyOptions {
    let request: TransferRequest

    /// - Returns: the list of headers, which must live as long as the handle and then be freed.
    func apply(
        to easy: UnsafeMutableRawPointer
    ) throws(HTTPClientError) -> UnsafeMutablePointer<curl_slist>? {
        // No signals: the library would use them for timeouts, in a program with threads.
        try long(easy, CURLOPT_NOSIGNAL, 1)
        try text(easy, CURLOPT_URL, request.url)
        try check(
            aib_curl_protocols(
                easy, request.schemes.contains(.http) ? 1 : 0,
                request.schemes.contains(.file) ? 1 : 0))
        try long(
            easy, CURLOPT_CONNECTTIMEOUT_MS, Int(request.timeouts.connectSeconds * 1000))
        try long(easy, CURLOPT_FOLLOWLOCATION, request.redirects > 0 ? 1 : 0)
        try long(easy, CURLOPT_MAXREDIRS, request.redirects)
        try long(easy, CURLOPT_UNRESTRICTED_AUTH, request.keepsAuthorization ? 1 : 0)
        if request.addressFilter != nil {
            try long(easy, CURLOPT_IPRESOLVE, Int(CURL_IPRESOLVE_V4))
        }
        if let proxy = request.proxy {
            try text(easy, CURLOPT_PROXY, proxy.url)
            try text(easy, CURLOPT_NOPROXY, proxy.direct.joined(separator: ","))
        }
        try files(easy)
        if request.offset > 0 { try text(easy, CURLOPT_RANGE, "\(request.offset)-") }
        try method(easy)
        let list = headers()
        if aib_curl_headers(easy, list) != CURLE_OK {
            curl_slist_free_all(list)
            throw unsupported
        }
        return list
    }

    private func files(_ easy: UnsafeMutableRawPointer) throws(HTTPClientError) {
        if let path = request.tls.authorities { try text(easy, CURLOPT_CAINFO, path) }
        if let path = request.tls.certificate { try text(easy, CURLOPT_SSLCERT, path) }
        if let path = request.tls.key { try text(easy, CURLOPT_SSLKEY, path) }
        if !request.tls.isVerified {
            try long(easy, CURLOPT_SSL_VERIFYPEER, 0)
            try long(easy, CURLOPT_SSL_VERIFYHOST, 0)
        }
        if request.tls.isAtMost12 {
            try long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_MAX_TLSv1_2)
        }
    }

    private func method(_ easy: UnsafeMutableRawPointer) throws(HTTPClientError) {
        if request.upload != nil {  // `Transfer` names the source
            return try text(easy, CURLOPT_CUSTOMREQUEST, request.method)
        }
        switch request.method {
        case "GET": break
        case "HEAD": try long(easy, CURLOPT_NOBODY, 1)
        default:
            if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
                try check(
                    aib_curl_offset(
                        easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
                let code = request.body.withUnsafeBytes { bytes in
                    aib_curl_text(
                        easy, CURLOPT_COPYPOSTFIELDS,
                        bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
                }
                try check(code)
                if request.body.isEmpty { try text(easy, CURLOPT_COPYPOSTFIELDS, "") }
            }
            try text(easy, CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    private func headers() -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        var fields = request.headers
        if fields["User-Agent"] == nil { fields.append("User-Agent", "aibuild") }
        for (name, value) in fields.fields {
            // A semicolon is the library's syntax for a header without a value.
            list = curl_slist_append(list, value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        // The library would declare every body as a form.
        if fields["Content-Type"] == nil { list = curl_slist_append(list, "Content-Type:") }
        return list
    }

    private func long(
        _ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: Int
    ) throws(HTTPClientError) { try check(aib_curl_long(easy, option, value)) }

    private func text(
        _ easy: UnsafeMutableRawPointer, _ option: CURLoption, _ value: String
    ) throws(HTTPClientError) { try check(aib_curl_text(easy, option, value)) }

    private func check(_ code: CURLcode) throws(HTTPClientError) {
        if code != CURLE_OK { throw unsupported }
    }

    private var unsupported: HTTPClientError {
        HTTPClientError(
            .other,
            "cannot ask \(request.shownURL): this machine's libcurl is too old or out of memory")
    }
}

/// The library's state for the whole process, initialized once and never cleaned up.
enum CurlLibrary {
    static func start() { _ = started }

    private static let started = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
}
