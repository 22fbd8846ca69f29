public import BuildProtocol

/// Reads builds, their attempts and their results.
public protocol BuildReader: Sendable {
    func build(id: String) async throws -> Build?
    func build(guestOS: String, number: Int) async throws -> Build?
    /// Newest first (submission time, then id).
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build]
    /// The builds that have not ended, by id, with their attempts. Recovery starts from these, and
    /// there may be a million.
    func liveBuilds(after: String?, limit: Int) async throws -> StorePage<RecordedBuild>
    /// Builds whose pruning has begun but not ended, by id.
    func halfPruned(after: String?, limit: Int) async throws -> StorePage<Build>
    /// Oldest first.
    func attempts(ofBuild id: String) async throws -> [Attempt]
    func attempt(_ token: AttemptToken) async throws -> Attempt?
    /// Without the digests of their chunks, which only the transfer needs.
    /// - Throws: `StoreError.unusable` if one of them cannot be read.
    func artifacts(of token: AttemptToken) async throws -> [Artifact]
    /// How long a stage of the last passed builds of the guest OS took, newest first, at most
    /// `limit`.
    func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) async throws -> [StageDuration]
    /// Oldest first.
    func testRecords(ofBuild id: String) async throws -> [TestRecord]
}

/// The conditions of a list of builds, all of which must hold.
public struct BuildFilter: Sendable, Hashable {
    public var guestOS: String?
    public var states: Set<BuildState>?
    /// Only builds whose image and logs have not been pruned.
    public var isKept = false
    /// The beginning of the id. Such a list has no order, and no other condition is looked at.
    public var idPrefix: String?
    /// The id of the last build of the previous page.
    public var after: String?

    public init(
        guestOS: String? = nil, states: Set<BuildState>? = nil, idPrefix: String? = nil,
        after: String? = nil
    ) {
        self.guestOS = guestOS
        self.states = states
        self.idPrefix = idPrefix
        self.after = after
    }
}

/// Writes builds. Every method throws `StoreError.deposed` once another epoch leads.
public protocol BuildWriter: RecordingWriter {
    /// Stores the build as queued and assigns it the next number of its guest OS. A build with this
    /// id that exists already is returned unchanged. An entry of the audit log whose subject is the
    /// build's id gets its name, which has the number.
    /// - Throws: `StoreError.notFound` if the guest OS is not registered.
    func enqueue(_ build: NewBuild) async throws -> Build
    /// Applies a compare-and-set step.
    /// - Returns: `nil`, without any change, if the build does not exist, is in another state, or
    ///   is owned by another attempt.
    func apply(_ change: BuildChange) async throws -> Build?
    /// Records a cancel request.
    /// - Returns: `nil` if the build has ended or does not exist.
    func requestCancel(build: String) async throws -> Build?
    /// - Returns: `nil` if the build does not exist or was pruned.
    func setPinned(_ isPinned: Bool, build: String) async throws -> Build?
    /// Marks the build's image and logs as removed, before their files are deleted.
    /// - Returns: `nil` if the build does not exist, has not ended, is pinned, or was pruned.
    func beginPrune(build: String, atMilliseconds: Int64) async throws -> Build?
    /// Records that the files of a pruned build were deleted.
    func endPrune(build: String) async throws
}
