public import BuildProtocol

/// Who changed what, and when. One entry for each change that a person or a trigger requested.
public struct AuditEntry: Sendable, Hashable, Codable {
    @Bounded<UnixTimeBound> public var atMilliseconds: Int64
    public var actor: String
    /// `build.submit`, `host.drain` …
    public var action: String
    public var subject: String
    public var detail: String

    public init(
        atMilliseconds: Int64, actor: String, action: String, subject: String, detail: String = ""
    ) {
        self.atMilliseconds = atMilliseconds
        self.actor = actor
        self.action = action
        self.subject = subject
        self.detail = detail
    }
}
