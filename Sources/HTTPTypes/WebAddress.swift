import TextKit

/// An absolute `http` or `https` URL, taken apart as RFC 3986 says. The fragment is left out.
public struct WebAddress: Sendable, Hashable {
    /// A server. Two that are written differently (case, default port) are equal.
    public struct Origin: Sendable, Hashable, CustomStringConvertible {
        /// `http` or `https`.
        public let scheme: String
        /// In lower case; an IPv6 address is in brackets.
        public let host: String
        public let port: UInt16

        fileprivate static func defaultPort(_ scheme: String) -> UInt16 {
            scheme == "https" ? 443 : 80
        }

        public var isEncrypted: Bool { scheme == "https" }

        public var description: String {
            port == Self.defaultPort(scheme)
                ? "\(scheme)://\(host)" : "\(scheme)://\(host):\(port)"
        }
    }

    public var origin: Origin
    /// Percent-encoded as written; empty, or begins with a slash.
    public var path: String
    /// Without the question mark; `nil` if there is none.
    public var query: String?

    /// `nil` for another scheme, a relative reference, and a URL with a user name.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[colon...].starts(with: "://".utf8)
        else { return nil }
        let scheme = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        let rest = bytes[(colon + 3)...]
        let end = rest.firstIndex(where: "/?#".utf8.contains) ?? rest.endIndex
        guard ["http", "https"].contains(scheme),
            let authority = Authority(String(decoding: rest[..<end], as: UTF8.self))
        else { return nil }
        let port = authority.port.map { UInt16($0) } ?? Origin.defaultPort(scheme)
        guard let port, port > 0 else { return nil }
        origin = Origin(scheme: scheme, host: authority.host, port: port)
        (path, query) = Self.pathAndQuery(rest[end...])
    }

    private init(_ origin: Origin, _ path: String, _ query: String?) {
        self.origin = origin
        self.path = path
        self.query = query
    }

    /// What a reference in a response of this address means: RFC 3986, section 5.2.
    /// - Returns: `nil` if it leads away from `http` and `https`, or names a user.
    public func resolving(_ reference: some StringProtocol) -> WebAddress? {
        let bytes = Array(reference.utf8)
        if let colon = bytes.firstIndex(where: ":/?#".utf8.contains),
            bytes[colon] == UInt8(ascii: ":")
        {
            return WebAddress(reference).map { WebAddress($0.origin, $0.path.undotted, $0.query) }
        }
        if bytes.starts(with: "//".utf8) {
            return WebAddress("\(origin.scheme):\(reference)").map {
                WebAddress($0.origin, $0.path.undotted, $0.query)
            }
        }
        let (given, givenQuery) = Self.pathAndQuery(bytes[...])
        if given.isEmpty { return WebAddress(origin, path, givenQuery ?? query) }
        if given.utf8.first == UInt8(ascii: "/") {
            return WebAddress(origin, given.undotted, givenQuery)
        }
        let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[...$0] } ?? "/"
        return WebAddress(origin, "\(folder)\(given)".undotted, givenQuery)
    }

    private static func pathAndQuery(_ bytes: ArraySlice<UInt8>) -> (String, String?) {
        let bare = bytes.prefix { $0 != UInt8(ascii: "#") }
        let mark = bare.firstIndex(of: UInt8(ascii: "?"))
        let path = String(decoding: bare[..<(mark ?? bare.endIndex)], as: UTF8.self)
        return (path, mark.map { String(decoding: bare[($0 + 1)...], as: UTF8.self) })
    }
}

extension WebAddress: CustomStringConvertible {
    public var description: String { "\(origin)\(path)" + (query.map { "?\($0)" } ?? "") }
}

extension String {
    /// Without the segments `.` and `..`: RFC 3986, section 5.2.4.
    fileprivate var undotted: String {
        var kept: [Substring] = []
        let segments = self.pathSegments
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                // The empty one in front of the first slash stays.
                if kept.count > 1 { kept.removeLast() }
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return kept.joined(separator: "/")
    }
}
