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
    /// Every release that has not ended, oldest first. Recovery starts from these.
    func liveReleases() async throws -> [Release]
}
