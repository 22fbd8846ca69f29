/// Decides which coordinator leads. Of several coordinators on one store, one leads at a time. Its
/// lease has an epoch that only grows, and every write carries the epoch, so that a leader that was
/// deposed without noticing can do no harm. The store's clock decides when a lease has expired.
public protocol LeaseStore: Sendable {
    /// Renews the candidate's lease, or takes it if it is free, has expired, or was held by an
    /// earlier process of the same coordinator.
    /// - Returns: the current lease, whoever holds it.
    func campaign(_ candidate: Candidate) async throws -> Lease

    /// Releases the lease if it has this epoch, so that another coordinator need not wait until it
    /// expires.
    func resign(_ epoch: LeaseEpoch) async throws
}
