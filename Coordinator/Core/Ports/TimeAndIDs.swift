public import BuildProtocol

/// The clocks of the service, so that tests and simulations can control time.
public protocol TimeSource: Sendable {
    /// Wall-clock time; only for display and records.
    func unixMilliseconds() -> Int64
    /// For timeouts and backoff; never set back.
    func monotonicMilliseconds() -> Int64
    /// - Throws: `CancellationError`
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws
}

extension TimeSource {
    /// - Throws: `CancellationError`
    public func sleep(milliseconds: Int64) async throws {
        try await sleep(untilMonotonicMilliseconds: monotonicMilliseconds() + milliseconds)
    }
}

/// Unique identifiers, so that tests and simulations can control randomness.
public protocol IDSource: Sendable {
    func randomToken() -> AttemptToken
    /// A UUID, for rows.
    func randomID() -> String
}
