/// Who changed what, and when. One entry for each change that a person or a trigger requested.
public struct AuditEntry: Sendable, Hashable {
    /// Numbers the entries in the order in which they were made; 0 before it is recorded.
    public var id: Int64
    public var atMilliseconds: Int64
    public var actor: String
    /// `build.submit`, `host.drain` …
    public var action: String
    public var subject: String
    public var detail: String
    /// The request that asked for it; `nil`: the coordinator did it by itself.
    public var origin: AuditOrigin?

    public init(
        id: Int64 = 0, atMilliseconds: Int64, actor: String, action: String, subject: String,
        detail: String = "", origin: AuditOrigin? = nil
    ) {
        self.id = id
        self.atMilliseconds = atMilliseconds
        self.actor = actor
        self.action = action
        self.subject = subject
        self.detail = detail
        self.origin = origin
    }
}

extension AuditEntry {
    /// A submission does not know its build's number before it is stored.
    public func naming(_ build: Build) -> AuditEntry {
        guard subject == build.id else { return self }
        var entry = self
        entry.subject = "\(build.guestOS):\(build.number)"
        return entry
    }
}

/// The request that asked for a change.
public struct AuditOrigin: Sendable, Hashable {
    /// The client's, or the one that a trusted proxy names.
    public var address: String
    /// `token 3f2a…`, `session`, `machine`: what the request was signed with.
    public var way: String
    /// As in the answer's `X-Request-ID`.
    public var request: String

    public init(address: String, way: String, request: String) {
        self.address = address
        self.way = way
        self.request = request
    }

    /// Of the request that this task answers. Between a route and the change that it asks for lie
    /// the services, which treat a person like a schedule: they are given a name and nothing of a
    /// request.
    @TaskLocal public static var current: AuditOrigin?
}

/// Which entries a list of the audit log has: those that meet every condition.
public struct AuditFilter: Sendable, Hashable {
    public var actor: String?
    /// `host.drain`, or `host` for all that begin with `host.`.
    public var action: String?
    public var subject: String?
    public var sinceMilliseconds: Int64?
    public var untilMilliseconds: Int64?
    /// Only older ones: the last `id` of the page before.
    public var beforeID: Int64?

    public init(
        actor: String? = nil, action: String? = nil, subject: String? = nil,
        sinceMilliseconds: Int64? = nil, untilMilliseconds: Int64? = nil, beforeID: Int64? = nil
    ) {
        self.actor = actor
        self.action = action
        self.subject = subject
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
        self.beforeID = beforeID
    }

    func matches(_ entry: AuditEntry) -> Bool {
        (actor.map { entry.actor == $0 } ?? true)
            && (action.map { entry.action == $0 || entry.action.hasPrefix($0 + ".") } ?? true)
            && (subject.map { entry.subject == $0 } ?? true)
            && (sinceMilliseconds.map { entry.atMilliseconds >= $0 } ?? true)
            && (untilMilliseconds.map { entry.atMilliseconds < $0 } ?? true)
            && (beforeID.map { entry.id < $0 } ?? true)
    }
}
