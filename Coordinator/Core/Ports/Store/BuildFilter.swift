public import BuildProtocol

/// Which builds a list holds: those that meet every condition.
public struct BuildFilter: Sendable, Hashable {
    public var guestOS: String?
    public var states: Set<BuildState>?
    /// Only builds whose image and logs have not been pruned.
    public var isKept = false
    /// The id of the last build of the page before.
    public var after: String?

    public init(guestOS: String? = nil, states: Set<BuildState>? = nil, after: String? = nil) {
        self.guestOS = guestOS
        self.states = states
        self.after = after
    }
}
