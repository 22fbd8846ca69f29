/// A coordinator that asks for the lease.
public struct Candidate: Sendable, Hashable {
    /// The same over restarts, another for each coordinator.
    public var id: String
    /// Where people and other coordinators reach its API.
    public var url: String
    /// The epoch that it leads with; `nil` on a standby.
    public var epoch: LeaseEpoch?
    public var leaseMilliseconds: Int64

    public init(id: String, url: String, epoch: LeaseEpoch? = nil, leaseMilliseconds: Int64) {
        self.id = id
        self.url = url
        self.epoch = epoch
        self.leaseMilliseconds = leaseMilliseconds
    }
}
