public import BuildProtocol

/// Time and chance, so that a simulation can own both.
public protocol Environment: Sendable {
    /// Wall time, only shown and recorded.
    func unixMilliseconds() -> Int64
    /// For timeouts and backoff.
    func monotonicMilliseconds() -> Int64
    /// - Throws: `CancellationError`
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws
    func randomToken() -> AttemptToken
    /// A UUID, for rows.
    func randomID() -> String
}
