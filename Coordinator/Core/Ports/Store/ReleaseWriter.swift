/// Writes environments and releases. Every method throws `StoreError.deposed` once another epoch
/// leads.
public protocol ReleaseWriter: Sendable {
    /// Adds an environment. The secret is encrypted at rest; `nil` if there is none.
    /// - Throws: `StoreError.exists` if the name is taken.
    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws
    /// Replaces everything but the id and the name; a `nil` secret keeps the stored one.
    /// - Throws: `StoreError.notFound`
    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws
    /// - Throws: `StoreError.notFound`
    func removeEnvironment(named name: String) async throws
    /// Adds a release. One whose id exists already is kept unchanged.
    func add(_ release: Release) async throws
    /// Applies a compare-and-set step. A rollback that succeeds marks the release that it undoes as
    /// `rolledBack`.
    /// - Returns: `nil` if nothing was changed.
    func apply(_ change: ReleaseChange) async throws -> Release?
    /// Records a cancel request.
    /// - Returns: `nil` if the release has ended or does not exist.
    func requestCancel(release: String) async throws -> Release?
}
