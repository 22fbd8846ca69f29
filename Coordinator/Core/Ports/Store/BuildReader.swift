public import BuildProtocol

/// Reads builds, their attempts and their results.
public protocol BuildReader: Sendable {
    func build(id: String) async throws -> Build?
    func build(guestOS: String, number: Int) async throws -> Build?
    /// Newest first (submission time, then id).
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build]
    /// Every build that has not ended, in the queue's order: priority (high first), submission
    /// time, id. Recovery starts from these.
    func liveBuilds() async throws -> [Build]
    /// Builds whose pruning has begun but not ended.
    func halfPruned() async throws -> [Build]
    /// Oldest first.
    func attempts(ofBuild id: String) async throws -> [Attempt]
    /// Of all builds that have not ended, by build: a takeover asks once, however many they are.
    func attemptsOfLiveBuilds() async throws -> [String: [Attempt]]
    func attempt(_ token: AttemptToken) async throws -> Attempt?
    func artifacts(of token: AttemptToken) async throws -> [Artifact]
    /// Durations of the last passed builds of the guest OS, in seconds, newest first, at most
    /// `limit`.
    func recentDurationsSeconds(guestOS: String, limit: Int) async throws -> [Int]
    /// Oldest first.
    func testRecords(ofBuild id: String) async throws -> [TestRecord]
}
