/// Who leads. Of several coordinators on one store exactly one works; its lease has an epoch that
/// only grows, and every change that the leader makes carries it, so that one that was deposed
/// without noticing can do no harm. The store's clock decides when a lease has run out.
public protocol LeaseStore: Sendable {
    /// Renews the candidate's lease, or takes it where it is free, has run out, or was held by the
    /// same coordinator's last process.
    /// - Returns: the lease as it stands then, whoever holds it.
    func campaign(_ candidate: Candidate) async throws -> Lease

    /// Lets the lease go if this epoch holds it, so that another one need not wait for its end.
    func resign(epoch: Int64) async throws
}

public struct Candidate: Sendable, Hashable {
    /// The same over restarts, another for each coordinator.
    public var id: String
    /// Where people and other coordinators reach its API.
    public var url: String
    /// The epoch that it leads with; `nil` while it does not.
    public var epoch: Int64?
    public var leaseMilliseconds: Int64

    public init(id: String, url: String, epoch: Int64? = nil, leaseMilliseconds: Int64) {
        self.id = id
        self.url = url
        self.epoch = epoch
        self.leaseMilliseconds = leaseMilliseconds
    }
}

/// The one lease of a store. Epoch 0 with no holder: nobody has led yet.
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

    /// The lease after the candidate asked for it.
    public func after(_ candidate: Candidate, nowMilliseconds now: Int64) -> Lease {
        var lease = self
        if let leading = candidate.epoch {
            guard isHeld(by: candidate, epoch: leading) else { return self }
        } else {
            guard holder == candidate.id || expiresMilliseconds <= now else { return self }
            // Not below the time: where a farm gets a new database, its hosts remember the epochs
            // of the old one, and take only higher ones.
            lease.epoch = max(epoch + 1, now / 1000)
        }
        lease.holder = candidate.id
        lease.url = candidate.url
        lease.expiresMilliseconds = now + candidate.leaseMilliseconds
        return lease
    }

    public func isHeld(by candidate: Candidate, epoch: Int64) -> Bool {
        holder == candidate.id && self.epoch == epoch
    }
}
