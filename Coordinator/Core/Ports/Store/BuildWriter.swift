/// Writes builds. Every method throws `StoreError.deposed` once another epoch leads.
public protocol BuildWriter: Sendable {
    /// Stores the build as queued and assigns it the next number of its guest OS. A build with this
    /// id that exists already is returned unchanged.
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
