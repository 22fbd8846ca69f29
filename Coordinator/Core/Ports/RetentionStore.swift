/// What stays and what went: the part of the farm's memory that `Store` extends.
public protocol RetentionStore: Sendable {
    /// `nil` when the build is not there or was pruned.
    func setPinned(_ isPinned: Bool, build: String, epoch: Int64) async throws -> Build?

    /// From here on its image and its logs are gone for everybody, whoever removes the files.
    /// - Returns: `nil` where the build is not there, has not ended, is pinned, or was pruned.
    func beginPrune(build: String, atMilliseconds: Int64, epoch: Int64) async throws -> Build?

    /// Its files are gone as well.
    func endPrune(build: String, epoch: Int64) async throws

    /// Those that were begun and not ended.
    func halfPruned() async throws -> [Build]
}
