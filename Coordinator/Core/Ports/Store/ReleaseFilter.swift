/// The conditions of a list of releases, all of which must hold.
public struct ReleaseFilter: Sendable, Hashable {
    public var build: String?
    public var guestOS: String?
    public var environment: String?
    public var states: Set<ReleaseState>?
    /// The id of the last release of the previous page.
    public var after: String?

    public init(
        build: String? = nil, guestOS: String? = nil, environment: String? = nil,
        states: Set<ReleaseState>? = nil, after: String? = nil
    ) {
        self.build = build
        self.guestOS = guestOS
        self.environment = environment
        self.states = states
        self.after = after
    }
}
