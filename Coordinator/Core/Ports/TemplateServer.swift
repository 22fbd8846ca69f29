/// A Git server that keeps the template repositories (GitLab).
public protocol TemplateServer: Sendable {
    /// Where the template of a guest OS of this name is kept there.
    func template(ofGuestOS name: String) -> TemplateSource
    /// Makes what is missing: the repository, and the hook that reports each push to this
    /// coordinator. What is there is adopted; done again, it does no harm.
    func prepare(guestOS name: String) async -> TemplateServerReport
    /// Whose template the project is, by its path at the server; `nil`: it is none of ours.
    func guestOS(ofProject path: String) -> String?
    /// Whether a report shows the secret that the hooks were given. Takes as long for any.
    func isSecretOfReports(_ secret: String) -> Bool
}

/// A push that the Git server reports.
public struct Push: Sendable, Hashable {
    /// `aibuild/debian12_tpl`
    public var project: String
    /// Branch or tag.
    public var ref: String
    public var commit: String

    public init(project: String, ref: String, commit: String) {
        self.project = project
        self.ref = ref
        self.commit = commit
    }
}

/// What was done for one guest OS at the Git server, and what was not.
public struct TemplateServerReport: Sendable, Hashable, Codable {
    public var guestOS: String
    /// In order, each a short sentence.
    public var done: [String]
    /// Why it did not get further, and what to do.
    public var problem: String?

    public init(guestOS: String, done: [String] = [], problem: String? = nil) {
        self.guestOS = guestOS
        self.done = done
        self.problem = problem
    }
}
