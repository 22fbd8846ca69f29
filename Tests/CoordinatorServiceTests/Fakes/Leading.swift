import CoordinatorCore
import Testing

extension LeaseStore {
    /// Campaigns as a coordinator that has just started.
    func lead(as id: String = "test", milliseconds: Int64 = 600_000) async throws -> LeaseEpoch {
        let candidate = Candidate(id: id, url: "http://\(id)", leaseMilliseconds: milliseconds)
        return try #require(try await campaign(candidate).epoch(heldBy: candidate))
    }
}
