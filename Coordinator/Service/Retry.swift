import CoordinatorCore

/// Delays that double up to a limit.
struct Backoff {
    private var nextMilliseconds: Int64
    private let longest: Int64

    init(first: Int64, longest: Int64) {
        nextMilliseconds = first
        self.longest = longest
    }

    mutating func next() -> Int64 {
        defer { nextMilliseconds = min(longest, nextMilliseconds * 2) }
        return nextMilliseconds
    }

    /// The delay after this many tries that failed, for what is tried again from the store.
    static func delay(afterTries tries: Int, first: Int64, longest: Int64) -> Int64 {
        var backoff = Backoff(first: first, longest: longest)
        var delay = backoff.next()
        for _ in 0..<max(0, tries - 1) { delay = backoff.next() }
        return delay
    }
}

extension Ports {
    /// Retries until it succeeds, with growing delays: for a service that is down or a disk that is
    /// full.
    ///
    /// - Parameters:
    ///   - longestMilliseconds: replaces the default longest delay.
    ///   - judge: receives the error of each failed attempt; throws to stop retrying.
    /// - Throws: what `judge` throws; `CancellationError` between two attempts.
    func retrying<T>(
        longestMilliseconds: Int64? = nil, _ body: () async throws -> T,
        unless judge: (any Error) async throws -> Void
    ) async throws -> T {
        var backoff = Backoff(
            first: limits.retryFirstMilliseconds,
            longest: longestMilliseconds ?? limits.retryLongestMilliseconds)
        while true {
            do { return try await body() } catch { try await judge(error) }
            try await clock.sleep(milliseconds: backoff.next())
        }
    }
}
