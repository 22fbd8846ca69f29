/// Reads environments and releases.
public protocol ReleaseReader: Sendable {
    func environment(named name: String) async throws -> ReleaseEnvironment?
    /// By name.
    func environments() async throws -> [ReleaseEnvironment]
    /// - Throws: `StoreError.unavailable` if it cannot be decrypted with this coordinator's key.
    func secret(ofEnvironment name: String) async throws -> Secret?
    func release(id: String) async throws -> Release?
    /// Newest first (creation time, then id).
    func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release]
    /// The releases that have not ended, by id. Recovery starts from these.
    func liveReleases(after: String?, limit: Int) async throws -> StorePage<Release>
    /// `nil` if no guest OS owns the name there.
    func releaseName(_ name: String, in environment: String) async throws -> ReleaseName?
    /// By name, from the first name after `after`.
    func releaseNames(
        in environment: String, after: String?, limit: Int
    ) async throws -> [ReleaseName]
}

/// The conditions of a list of releases, all of which must hold.
public struct ReleaseFilter: Sendable, Hashable {
    public var build: String?
    public var guestOS: String?
    public var environment: String?
    public var states: Set<ReleaseState>?
    /// Of its id: hexadecimal digits and hyphens.
    public var idPrefix: String?
    /// The id of the last release of the previous page.
    public var after: String?

    public init(
        build: String? = nil, guestOS: String? = nil, environment: String? = nil,
        states: Set<ReleaseState>? = nil, idPrefix: String? = nil, after: String? = nil
    ) {
        self.build = build
        self.guestOS = guestOS
        self.environment = environment
        self.states = states
        self.idPrefix = idPrefix
        self.after = after
    }
}

/// Writes environments and releases. Every method throws `StoreError.deposed` once another epoch
/// leads.
public protocol ReleaseWriter: RecordingWriter {
    /// Adds an environment. The secret is encrypted at rest; `nil` if there is none.
    /// - Throws: `StoreError.exists` if the name is taken.
    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws
    /// Replaces everything but the id and the name; a `nil` secret keeps the stored one.
    /// - Throws: `StoreError.notFound`
    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws
    /// - Throws: `StoreError.notFound`
    /// Its image names belong to nobody afterwards.
    func removeEnvironment(named name: String) async throws
    /// Adds a release. One whose id exists already is kept unchanged.
    func add(_ release: Release) async throws
    /// Applies a compare-and-set step. A rollback that succeeds marks the release that it undoes as
    /// `rolledBack`. The name that a successful release has claimed is its guest OS's from then on;
    /// a release that ends otherwise loses its claim.
    /// - Returns: `nil` if nothing was changed.
    func apply(_ change: ReleaseChange) async throws -> Release?
    /// Records a cancel request.
    /// - Returns: `nil` if the release has ended or does not exist.
    func requestCancel(release: String) async throws -> Release?
    /// Claims an image name, unless another guest OS has it.
    /// - Returns: who has it now.
    func claim(_ name: ReleaseName) async throws -> ReleaseName
    /// Gives an image name to a guest OS, whoever has it.
    func give(_ name: ReleaseName) async throws
}
