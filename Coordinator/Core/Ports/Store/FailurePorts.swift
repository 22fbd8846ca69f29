/// Reads the failures of attempts, which are stored with the changes of their builds.
public protocol FailureReader: Sendable {
    /// Newest first.
    func failures(_ filter: FailureFilter, limit: Int) async throws -> [FailureRecord]
}
