/// Environments and releases: the part of the farm's memory that `Store` extends.
public protocol ReleaseStore: Sendable {
    /// The secret is sealed at rest; `nil`: there is none.
    /// - Throws: `StoreError.exists` when the name is taken.
    func add(_ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64) async throws
    /// Replaces all but id and name; a `nil` secret keeps the one that is there.
    /// - Throws: `StoreError.notFound`
    func update(_ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64) async throws
    /// - Throws: `StoreError.notFound`
    func removeEnvironment(named name: String, epoch: Int64) async throws
    func environment(named name: String) async throws -> ReleaseEnvironment?
    /// By name.
    func environments() async throws -> [ReleaseEnvironment]
    /// - Throws: `StoreError.unavailable` when it cannot be unsealed with this coordinator's key.
    func secret(ofEnvironment name: String) async throws -> Secret?

    /// A release that is there already stays as it is.
    func add(_ release: Release, epoch: Int64) async throws
    func release(id: String) async throws -> Release?
    /// Newest first (creation time, then id).
    func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release]
    /// Every release that has not ended, oldest first. What recovery starts from.
    func liveReleases() async throws -> [Release]
    /// The compare-and-set; `nil` where nothing was changed. A roll-back that ends well makes the
    /// release that it undoes `rolledBack`.
    func apply(_ change: ReleaseChange) async throws -> Release?
    /// Marks the wish; `nil` when the release has ended or is not there.
    func requestCancel(release: String, epoch: Int64) async throws -> Release?
}

public struct ReleaseFilter: Sendable, Hashable {
    public var build: String?
    public var guestOS: String?
    public var environment: String?
    public var states: Set<ReleaseState>?
    /// The id of the last release of the page before.
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
