public import BuildProtocol

/// The conditions of a list of builds, all of which must hold.
public struct BuildFilter: Sendable, Hashable {
    public var guestOS: String?
    public var states: Set<BuildState>?
    /// Only builds whose image and logs have not been pruned.
    public var isKept = false
    /// The id of the last build of the previous page.
    public var after: String?

    public init(guestOS: String? = nil, states: Set<BuildState>? = nil, after: String? = nil) {
        self.guestOS = guestOS
        self.states = states
        self.after = after
    }
}
