import TextKit

/// The address of a Git repository, apart from the credential that it may carry. Only the parts of
/// it are ever used: the whole address would show the credential in process lists and errors.
public struct GitAddress: Sendable, Hashable {
    public struct Credential: Sendable, Hashable {
        public var user: String
        public var password: String
    }

    /// Without the credential: safe to show, to log and to pass as an argument.
    public private(set) var url: String
    /// Scheme, host and port, which is where the credential belongs. `nil` if it is no URL.
    public private(set) var origin: String?
    public private(set) var credential: Credential?

    /// - Parameter text: as a person writes it, or as the store has it.
    public init(_ text: String) {
        url = text
        // `git@host:path` has a user name and can have no password.
        guard let colon = text.firstRange(of: "://") else { return }
        let scheme = text[..<colon.lowerBound].lowercased()
        let rest = text[colon.upperBound...]
        let login = Self.login(in: rest)
        let place = rest[(login?.endIndex ?? rest.startIndex)...].trimmingPrefix("@")
        origin = "\(scheme)://" + place.prefix { !Self.ends.contains($0) }
        guard let login else { return }
        let parts = login.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        // With SSH the name says as whom to log in. With HTTP it can be the whole credential.
        let user = scheme == "ssh" ? "\(parts[0])@" : ""
        url = "\(text[..<colon.lowerBound])://\(user)\(place)"
        if scheme != "ssh" || parts.count == 2 {
            credential = Credential(
                user: Self.decoded(parts[0]),
                password: parts.count == 2 ? Self.decoded(parts[1]) : "")
        }
    }

    private static let ends: Set<Character> = ["/", "?", "#"]

    /// What stands before the `@` of the host.
    private static func login(in rest: Substring) -> Substring? {
        let authority = rest.prefix { !ends.contains($0) }
        if let at = authority.lastIndex(of: "@") { return rest[..<at] }
        // A password with a slash that is not encoded: what looks like the port is none.
        guard let port = authority.split(separator: ":").dropFirst().last,
            !port.utf8.allSatisfy({ (48...57).contains($0) }), !authority.hasPrefix("["),
            let at = rest.lastIndex(of: "@")
        else { return nil }
        return rest[..<at]
    }

    /// `%40` as `@`. What is not correctly encoded stays as it is.
    private static func decoded(_ text: Substring) -> String {
        PercentCoding.decode(text) ?? String(text)
    }
}

extension TemplateSource {
    /// Why a new registration may not have it, or `nil`. The database would hold the credential in
    /// clear; Git has places for it that only the coordinator's user can read.
    public var problem: String? {
        guard case .git(let url, _) = self, GitAddress(url).credential != nil else { return nil }
        return "contains a user name or password; remove it, and give the coordinator's Git access "
            + "as docs/templates.md says under Private repositories"
    }

    /// As it may be shown: an older registration may contain a credential.
    public var shown: TemplateSource {
        guard case .git(let url, let ref) = self else { return self }
        return .git(url: GitAddress(url).url, ref: ref)
    }

    /// With the credential of `known` if it is what is shown of that: whoever changes something
    /// else sends back what was shown.
    public func keepingCredential(of known: TemplateSource?) -> TemplateSource {
        guard case .git(let url, let ref) = self, case .git(let full, _)? = known,
            GitAddress(full).url == url
        else { return self }
        return .git(url: full, ref: ref)
    }
}
