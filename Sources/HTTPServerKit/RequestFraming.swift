import HTTPTypes

/// Refuses requests that two programs could read differently: where they end, or which host they
/// are for (RFC 9112). A proxy in front would check one request, and this server would serve
/// another.
enum RequestFraming {
    /// - Throws: a `Problem` with status 400. The connection is of no use then.
    static func check(
        _ headers: HTTPHeaders, target: String, version: String
    ) throws(Problem) {
        guard headers.fields.allSatisfy({ $0.name.utf8.allSatisfy(isOfToken) }) else {
            throw .badRequest("The name of a header contains a space or another separator")
        }
        let hosts = headers.all("Host")
        guard hosts.count == 1 else {
            throw .badRequest("The request has \(hosts.count) Host headers, not one")
        }
        // A path may have an address in its query.
        if target.utf8.first != UInt8(ascii: "/"), let authority = Authority(url: target),
            authority != Authority(hosts[0])
        {
            throw .badRequest("The request's target and its Host header name different hosts")
        }
        let lengths = headers.all("Content-Length")
        let codings = headers.all("Transfer-Encoding")
        guard lengths.count <= 1, lengths.allSatisfy(isLength) else {
            throw .badRequest("The request has several or unreadable Content-Length headers")
        }
        if codings.isEmpty { return }
        guard codings.count == 1, codings[0].utf8.elementsEqual("chunked".utf8, by: isSame),
            lengths.isEmpty, version == "HTTP/1.1"
        else {
            throw .badRequest(
                "The request's Transfer-Encoding leaves open where its body ends",
                remedy: "Send Content-Length, or Transfer-Encoding: chunked alone")
        }
    }

    private static func isLength(_ text: String) -> Bool {
        (1...18).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isSame(_ byte: UInt8, _ lowerCase: UInt8) -> Bool {
        byte == lowerCase || ((0x41...0x5A).contains(byte) && byte | 0x20 == lowerCase)
    }

    /// Characters of a header's name (RFC 9110, `tchar`).
    private static func isOfToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
