/// A coordinator that requests the lease.
public struct Candidate: Sendable, Hashable {
    /// Stable over restarts, and unique to each coordinator.
    public var id: String
    /// The URL of its API, for people and other coordinators.
    public var url: String
    /// The epoch with which it leads; `nil` on a standby.
    public var epoch: LeaseEpoch?
    public var leaseMilliseconds: Int64

    public init(id: String, url: String, epoch: LeaseEpoch? = nil, leaseMilliseconds: Int64) {
        self.id = id
        self.url = url
        self.epoch = epoch
        self.leaseMilliseconds = leaseMilliseconds
    }
}
