import TextKit

/// The address of a Git repository, separated from the credential that it may contain. Only the
/// parts are used: the whole address would reveal the credential in process lists and errors.
public struct GitAddress: Sendable, Hashable {
    public struct Credential: Sendable, Hashable {
        public var user: String
        public var password: String
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

    private static let ends = Array("/?#".utf8)
    private static let at = UInt8(ascii: "@")
    private static let colon = UInt8(ascii: ":")

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
