/// The one lease of a store. It has epoch 0 and no holder until a coordinator has led.
public struct Lease: Sendable, Hashable {
    public var epoch: Int64
    public var holder: String
    public var url: String
    /// By the store's clock.
    public var expiresMilliseconds: Int64

    public init(
        epoch: Int64 = 0, holder: String = "", url: String = "", expiresMilliseconds: Int64 = 0
    ) {
        self.epoch = epoch
        self.holder = holder
        self.url = url
        self.expiresMilliseconds = expiresMilliseconds
    }

    /// The epoch with which the candidate leads; `nil` if another coordinator holds the lease, or
    /// if the lease has a later epoch than the candidate's.
    public func epoch(heldBy candidate: Candidate) -> LeaseEpoch? {
        guard holder == candidate.id, candidate.epoch?.number ?? epoch == epoch else { return nil }
        return LeaseEpoch(epoch)
    }

    /// The lease after the candidate requested it.
    public func after(_ candidate: Candidate, nowMilliseconds now: Int64) -> Lease {
        var lease = self
        if candidate.epoch != nil {
            guard epoch(heldBy: candidate) != nil else { return self }
        } else {
            guard holder == candidate.id || expiresMilliseconds <= now else { return self }
            // At least the current time: if a farm gets a new database, its hosts remember the
            // epochs of the old one and accept only higher ones.
            lease.epoch = max(epoch + 1, now / 1000)
        }
        lease.holder = candidate.id
        lease.url = candidate.url
        lease.expiresMilliseconds = now + candidate.leaseMilliseconds
        return lease
    }
}
