/// The clocks that the service lives by, so that tests and simulations can own time.
public protocol TimeSource: Sendable {
    /// Wall time; only shown and recorded.
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
