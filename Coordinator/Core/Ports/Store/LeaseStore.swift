/// Decides who leads. Of several coordinators on one store exactly one works. Its lease has an
/// epoch that only grows, and every write carries it, so that a leader which was deposed without
/// noticing can do no harm. The store's clock decides when a lease has expired.
public protocol LeaseStore: Sendable {
    /// Renews the candidate's lease, or takes it if it is free, has expired, or was held by the
    /// last process of the same coordinator.
    /// - Returns: the lease as it stands then, whoever holds it.
    func campaign(_ candidate: Candidate) async throws -> Lease

    /// Gives up the lease if this epoch holds it, so that another coordinator need not wait until
    /// it expires.
    func resign(_ epoch: LeaseEpoch) async throws
}
