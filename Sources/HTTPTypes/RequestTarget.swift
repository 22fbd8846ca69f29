import TextKit

/// The target of a request line, parsed and checked once, so that no handler has to deal with `..`,
/// `%2f` or NUL.
struct RequestTarget {
    var path: String
    var query: HTTPQuery
    /// Path and query as sent.
    var original: String

    /// - Parameter isRead: whether the request changes nothing, and can be sent elsewhere.
    init(_ target: String, isRead: Bool) throws(Problem) {
        let origin = Self.withoutAuthority(target[...])
        if isRead, let place = Self.withSingleSlashes(origin) {
            throw Problem(
                status: 301, detail: "The path contains '//'", remedy: "Write one slash",
                headers: ["Location": place])
        }
        original = String(origin)
        let parts = origin.utf8.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false
        ).map { Substring($0) }
        path = try Self.path(parts[0])
        query = parts.count == 2 ? try HTTPQuery(decoding: parts[1]) : HTTPQuery()
    }

    /// The client of a proxy may send `http://host/path`; only the path matters.
    private static func withoutAuthority(_ target: Substring) -> Substring {
        for scheme in ["http://", "https://"]
        where target.lowercased().utf8.starts(with: scheme.utf8) {
            let rest = target.utf8.dropFirst(scheme.utf8.count)
            guard let end = rest.firstIndex(where: "/?".utf8.contains) else { return "/" }
            let place = Substring(rest[end...])
            return place.isAbsolutePath ? place : "/" + place
        }
        return target
    }

    /// The target with single slashes; `nil` if it has no others. Two at the beginning would name
    /// another server.
    private static func withSingleSlashes(_ target: Substring) -> String? {
        let parts = target.utf8.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false
        ).map { Substring($0) }
        let segments = parts[0].pathSegments
        guard parts[0].isAbsolutePath, segments.dropFirst().dropLast().contains(where: \.isEmpty)
        else { return nil }
        let isFolder = segments.last?.isEmpty ?? false
        let path = segments.filter { !$0.isEmpty }.joined(separator: "/")
        return "/" + path + (isFolder && !path.isEmpty ? "/" : "")
            + (parts.count == 2 ? "?" + parts[1] : "")
    }

    private static func path(_ raw: Substring) throws(Problem) -> String {
        guard raw.isAbsolutePath else {
            throw .badRequest("The request target does not begin with '/'")
        }
        var decoded: [String] = []
        let segments = raw.pathSegments.dropFirst()
        for (index, segment) in segments.enumerated() {
            guard let text = PercentCoding.decode(segment) else {
                throw .badRequest(
                    "The path is not correctly percent-encoded UTF-8",
                    remedy: "Write each byte of a special character as %XX")
            }
            if text == "." || text == ".." {
                throw .badRequest("The path contains the segment '\(text)'")
            }
            if text.unicodeScalars.contains(where: \.isControl) {
                throw .badRequest("The path contains a control character")
            }
            if text.containsSlash { throw .badRequest("The path contains an encoded slash (%2F)") }
            if text.isEmpty && index < segments.count - 1 {
                throw .badRequest("The path contains '//'", remedy: "Write one slash")
            }
            decoded.append(text)
        }
        return "/" + decoded.joined(separator: "/")
    }
}
