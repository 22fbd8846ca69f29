import TextKit

/// The address of a Git repository, separated from the credential that it may contain. Only the
/// parts are used: the whole address would reveal the credential in process lists and errors.
public struct GitAddress: Sendable, Hashable {
    public struct Credential: Sendable, Hashable {
        public var user: String
        public var password: String

        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }
    }

    /// Without the credential: safe to show, to log and to pass as an argument.
    public private(set) var url: String
    /// Scheme, host and port, to which the credential applies. `nil` if it is not a URL.
    public private(set) var origin: String?
    public private(set) var credential: Credential?

    /// Split at bytes, as Git does: a combining mark or a format character beside an `@` or a slash
    /// would hide it, and a credential with it.
    /// - Parameter text: as entered by a person, or as stored.
    public init(_ text: String) {
        url = text
        // `git@host:path` has a user name and cannot have a password.
        guard let colon = text.utf8.firstRange(of: "://".utf8) else { return }
        let scheme = text[..<colon.lowerBound].lowercased()
        let rest = text[colon.upperBound...]
        let login = Self.login(in: rest)
        let place = login.map { rest[rest.utf8.index(after: $0.endIndex)...] } ?? rest
        origin = "\(scheme)://" + Substring(place.utf8.prefix { !Self.ends.contains($0) })
        guard let login else { return }
        let parts = login.utf8.split(
            separator: Self.colon, maxSplits: 1, omittingEmptySubsequences: false
        ).map { Substring($0) }
        // With SSH the name is only the user. With HTTP it may be the whole credential.
        let user = scheme == "ssh" ? "\(parts[0])@" : ""
        url = "\(text[..<colon.lowerBound])://\(user)\(place)"
        if scheme != "ssh" || parts.count == 2 {
            credential = Credential(
                user: Self.decoded(parts[0]),
                password: parts.count == 2 ? Self.decoded(parts[1]) : "")
        }
    }

    /// Whether this is a repository of the server at the other address, below its path: the same
    /// scheme, host and port. Host names do not differ by case, and a port that is the scheme's
    /// own may be left out.
    public func isBelow(_ server: GitAddress) -> Bool {
        guard let here = parts, let there = server.parts, here.origin == there.origin else {
            return false
        }
        let root = there.path.utf8.last == Self.slash ? there.path : there.path + "/"
        return here.path.utf8.starts(with: root.utf8)
            && !here.path.pathSegments.contains { $0 == ".." || $0 == "." }
    }

    /// The path of this repository on the server at the other address, without `.git`; `nil` if it
    /// is elsewhere. A server has the same projects for HTTP and for SSH.
    public func project(on server: GitAddress) -> String? {
        if isBelow(server), let here = parts, let there = server.parts {
            return Self.project(here.path.utf8.dropFirst(there.path.utf8.count))
        }
        guard let host = server.parts.map({ Self.host($0.origin) }) else { return nil }
        if let here = parts {
            return here.origin.utf8.starts(with: "ssh://".utf8) && Self.host(here.origin) == host
                ? Self.project(here.path.utf8[...]) : nil
        }
        // git@host:path
        guard let colon = url.utf8.firstIndex(of: Self.colon) else { return nil }
        let login = url[..<colon]
        let name = login.utf8.lastIndex(of: Self.at).map { login[login.utf8.index(after: $0)...] }
        return (name ?? login).lowercased() == host
            ? Self.project(url.utf8[url.utf8.index(after: colon)...]) : nil
    }

    /// Of an origin, without user name and port.
    private static func host(_ origin: String) -> String {
        let rest = origin.utf8.firstRange(of: "://".utf8).map { origin[$0.upperBound...] }
        let place = (rest ?? origin[...]).utf8
        let name = place.lastIndex(of: at).map { place[place.index(after: $0)...] } ?? place
        let isBracketed = name.first == UInt8(ascii: "[")
        let end = isBracketed ? UInt8(ascii: "]") : colon
        return String(Substring(name.prefix { $0 != end })) + (isBracketed ? "]" : "")
    }

    private static func project(_ path: Substring.UTF8View) -> String {
        var path = Substring(path)
        while path.utf8.first == slash { path = Substring(path.utf8.dropFirst()) }
        while path.utf8.last == slash { path = Substring(path.utf8.dropLast()) }
        let isNamed = path.utf8.reversed().starts(with: ".git".utf8.reversed())
        return String(isNamed ? Substring(path.utf8.dropLast(4)) : path)
    }

    private var parts: (origin: String, path: String)? {
        guard let origin, let colon = url.utf8.firstRange(of: "://".utf8) else { return nil }
        let rest = url[colon.upperBound...]
        let path = Substring(rest.utf8.drop { !Self.ends.contains($0) })
        var plain = origin.lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where plain.utf8.starts(with: scheme.utf8)
            && plain.utf8.reversed().starts(with: port.utf8.reversed())
        {
            plain = String(Substring(plain.utf8.dropLast(port.utf8.count)))
        }
        return (plain, String(path))
    }

    private static let ends = Array("/?#".utf8)
    private static let at = UInt8(ascii: "@")
    private static let colon = UInt8(ascii: ":")
    private static let slash = UInt8(ascii: "/")

    /// The part before the `@` of the host.
    private static func login(in rest: Substring) -> Substring? {
        let authority = rest.utf8.prefix { !ends.contains($0) }
        if let at = authority.lastIndex(of: at) { return rest[..<at] }
        // A password may contain an unencoded slash: what looks like the port is then not a number.
        guard let port = authority.split(separator: colon).dropFirst().last,
            !port.allSatisfy({ (48...57).contains($0) }), authority.first != UInt8(ascii: "["),
            let at = rest.utf8.lastIndex(of: at)
        else { return nil }
        return rest[..<at]
    }

    /// Decodes `%40` to `@`. Invalid encodings are kept as they are.
    private static func decoded(_ text: Substring) -> String {
        PercentCoding.decode(text) ?? String(text)
    }
}

extension TemplateSource {
    /// Why a new registration of this address is refused, or `nil`. The database would hold the
    /// credential in clear text; Git can keep it where only the coordinator's user can read it.
    public var problem: String? {
        guard case .git(let url, _) = self, GitAddress(url).credential != nil else { return nil }
        return
            "contains a user name or password; remove it, and give the coordinator access to Git "
            + "as docs/templates.md says under Private repositories"
    }

    /// The address without its credential, which an older registration may contain.
    public var shown: TemplateSource {
        guard case .git(let url, let ref) = self else { return self }
        return .git(url: GitAddress(url).url, ref: ref)
    }

    /// Adds the credential of `known` if this is the same address without it: a client that changes
    /// another setting sends back the address that it was shown.
    public func keepingCredential(of known: TemplateSource?) -> TemplateSource {
        guard case .git(let url, let ref) = self, case .git(let full, _)? = known,
            GitAddress(full).url == url
        else { return self }
        return .git(url: full, ref: ref)
    }
}
