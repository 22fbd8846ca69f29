import HTTPTypes

/// The request of one transfer.
struct TransferRequest: Sendable {
    var method = "GET"
    var url: String
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    /// Instead of `body`: one that is read while it is sent.
    var upload: UploadBody?
    /// The first requested byte.
    var offset: Int64 = 0
    var timeouts = HTTPTimeouts()
    var tls = TLSFiles()
    var schemes: Set<URLScheme> = [.http]
    var redirects = 0
    /// Whether redirects may carry the header Authorization to another server.
    var keepsAuthorization = false
    var addressFilter: AddressFilter?
    var proxy: HTTPProxy?

    /// `url` for messages: without user, password and query, which may contain secrets.
    var shownURL: String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        let parts = bare.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        // scheme: "" authority path
        guard parts.count >= 3, parts[1].isEmpty else { return String(bare.prefix(200)) }
        let host = parts[2].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let path = parts.count == 4 ? "/" + parts[3] : ""
        return String("\(parts[0])//\(host)\(path)".prefix(200))
    }

    /// Why the request cannot be sent (a value that would break out of its line), or `nil`.
    var defect: String? {
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            return "the method is not made of capital letters"
        }
        for (name, value) in headers.fields {
            let bytes = Array((name + value).utf8)
            if name.isEmpty || bytes.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) {
                return "the header '\(name.filter(\.isLetter))' holds a line break"
            }
        }
        return url.utf8.contains { $0 <= 0x20 || $0 == 0x7F }
            ? "the URL holds a space or a control character" : nil
    }
}

/// The schemes that a URL may have.
public enum URLScheme: Sendable, Hashable {
    /// `http` and `https`.
    case http
    case file
}
