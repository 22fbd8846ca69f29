public import BuildProtocol

/// A change of a repository that a Git server reports, in words that all of them share.
public struct GitReport: Sendable, Hashable, Codable {
    public enum Change: String, Sendable, Codable, CaseIterable {
        /// New commits of a branch.
        case push
        case tag
        /// A merge request was opened, or has new commits.
        case mergeRequest = "merge_request"
        /// A merge request was merged or closed.
        case mergeRequestClosed = "merge_request_closed"
    }

    public struct MergeRequest: Sendable, Hashable, Codable {
        @Bounded<CountBound> public var number: Int
        public var title: String
        /// From another project, whose people may not be trusted.
        public var isForeign: Bool
        /// The ref of the target project that has its commits, such as `refs/pull/7/head`.
        public var fetchedRef: String

        public init(number: Int, title: String, isForeign: Bool, fetchedRef: String) {
            self.number = number
            self.title = title
            self.isForeign = isForeign
            self.fetchedRef = fetchedRef
        }
    }

    public var change: Change
    /// Path on the server, such as `aibuild/debian12_tpl`; of a signed report also an address.
    public var project: String
    /// The branch or tag; of a merge request, its target branch.
    public var ref: String
    public var commit: String
    /// The project's default branch, if the report names it.
    public var defaultBranch: String?
    /// How the change says that it wants no build, such as `[ci skip]`.
    public var skip: String?
    /// Of a change of a merge request.
    public var mergeRequest: MergeRequest?

    public init(
        _ change: Change, project: String, ref: String, commit: String,
        defaultBranch: String? = nil, skip: String? = nil, mergeRequest: MergeRequest? = nil
    ) {
        self.change = change
        self.project = project
        self.ref = ref
        self.commit = commit
        self.defaultBranch = defaultBranch
        self.skip = skip
        self.mergeRequest = mergeRequest
    }

    /// `push of c0ffee to main`
    /// - Parameter commit: the one that is built, which may be newer.
    public func reason(_ commit: String) -> String {
        let commit = commit.prefixOfUTF8(12)
        switch change {
        case .push: return "push of \(commit) to \(ref)"
        case .tag: return "tag \(ref)"
        case .mergeRequest, .mergeRequestClosed:
            return "merge request \(mergeRequest?.number ?? 0) to \(ref): \(commit)"
        }
    }
}

/// Why a report starts no build, as a sentence without an end.
public struct UnusedReport: Error, Hashable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// Names in reports are from outside: what is no name never reaches Git.
enum ReportedName {
    /// Longer than any that a Git server accepts.
    static let bytes = 512
    private static let refBytes = 255

    /// - Throws: `UnusedReport`
    static func project(_ text: String?) throws(UnusedReport) -> String {
        guard let text, !text.isEmpty, text.utf8.count <= bytes,
            !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F })
        else { throw UnusedReport("the report does not say what was pushed, and where") }
        return text
    }

    /// By the rules of `git check-ref-format`.
    /// - Throws: `UnusedReport`
    static func ref(_ text: String?) throws(UnusedReport) -> String {
        guard let text, !text.isEmpty else {
            throw UnusedReport("the report does not say what was pushed, and where")
        }
        let bytes = Array(text.utf8)
        let isName =
            bytes.count <= refBytes && bytes[0] != UInt8(ascii: "-")
            && bytes[0] != UInt8(ascii: "/")
            && !bytes.contains { $0 <= 0x20 || $0 == 0x7F || "~^:?*[\\".utf8.contains($0) }
            && bytes.firstRange(of: Array("..".utf8)) == nil
            && bytes.firstRange(of: Array("@{".utf8)) == nil
        guard isName else {
            throw UnusedReport("\(Names.quoted(text.prefixOfUTF8(200))) is no name of a ref")
        }
        return text
    }

    /// - Throws: `UnusedReport`
    static func commit(_ text: String?) throws(UnusedReport) -> String {
        guard let text, (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else { throw UnusedReport("the report does not name a commit") }
        return text
    }

    static func title(_ text: String?) -> String { (text ?? "").prefixOfUTF8(200) }
}

/// Marks in the message of a commit that want no build, by the rules of GitLab and GitHub.
enum SkipMark {
    static func find(in message: String?) -> String? {
        (message ?? "").prefixOfUTF8(64 << 10).firstMatch(
            of: #/(?i)\[(?:ci[ _-]skip|skip[ _-]ci|no[ _-]ci)\]/#
        ).map { String($0.output) }
    }
}
