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

/// A coordinator that requests the lease.
public struct Candidate: Sendable, Hashable {
    /// Of one run of a coordinator: another one has another.
    public var id: String
    /// The ids of earlier runs of this coordinator, none of which can be alive. It need not wait
    /// until a lease of theirs expires.
    public var predecessors: Set<String>
    /// The URL of its API, for people and other coordinators.
    public var url: String
    /// The epoch with which it leads; `nil` on a standby.
    public var epoch: LeaseEpoch?
    public var leaseMilliseconds: Int64

    public init(
        id: String, predecessors: Set<String> = [], url: String, epoch: LeaseEpoch? = nil,
        leaseMilliseconds: Int64
    ) {
        self.id = id
        self.predecessors = predecessors
        self.url = url
        self.epoch = epoch
        self.leaseMilliseconds = leaseMilliseconds
    }
}

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
            let isFree =
                holder == candidate.id || candidate.predecessors.contains(holder)
                || expiresMilliseconds <= now
            guard isFree else { return self }
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

/// The epoch of a lease. Only a lease creates one, so that a write without leadership does not
/// compile.
public struct LeaseEpoch: Hashable, Comparable, Sendable {
    public let number: Int64

    init(_ number: Int64) { self.number = number }

    public static func < (a: LeaseEpoch, b: LeaseEpoch) -> Bool { a.number < b.number }
}
