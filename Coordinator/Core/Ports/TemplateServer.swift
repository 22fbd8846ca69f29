/// A Git server that keeps the template repositories (GitLab).
public protocol TemplateServer: Sendable {
    /// Where the template of a guest OS of this name is kept there.
    func template(ofGuestOS name: String) -> TemplateSource
    /// Makes what is missing: the repository, and the hook that reports each push to this
    /// coordinator. What is there is adopted; done again, it does no harm.
    func prepare(guestOS name: String) async -> TemplateServerReport
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
