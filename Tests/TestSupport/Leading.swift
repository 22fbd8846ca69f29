public import CoordinatorCore
import Support

extension LeaseStore {
    /// Campaigns as a coordinator that has just started.
    public func lead(
        as id: String = "test", milliseconds: Int64 = 600_000
    ) async throws -> LeaseEpoch {
        let candidate = Candidate(id: id, url: "http://\(id)", leaseMilliseconds: milliseconds)
        guard let epoch = try await campaign(candidate).epoch(heldBy: candidate) else {
            throw Failure("\(id) did not get the lease")
        }
        return epoch
    }
}

extension Store where Self: LeaseStore {
    /// What a coordinator that has just taken the lease writes to.
    public func leader(_ id: String = "test") async throws -> any LeaderStore {
        leading(try await lead(as: id))
    }
}
