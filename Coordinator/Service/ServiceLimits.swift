//! CoordinatorService: carries out what CoordinatorCore decides: ticks, sessions with hosts and
//! builds, transfers, recovery. It reaches the world only through the Core's ports and never names
//! a concrete adapter.

/// Every bound of the service, each with its reason.
public struct ServiceLimits: Sendable {
    /// Builds that may wait. Beyond it a submission is refused, so that a runaway trigger cannot
    /// fill the database.
    public var queuedBuilds = 100_000
    /// How long a host may be away before its attempts are given up and tried elsewhere. A reboot
    /// of a large server fits; running builds survive shorter cuts untouched.
    public var hostLostMilliseconds: Int64 = 10 * 60_000
    /// Reconnect delays: quick for a blip, and never so long that a link which returns waits more
    /// than 2 s for its builds' logs. The log of the coordinator gets a line only for a new reason.
    public var reconnectFirstMilliseconds: Int64 = 250
    public var reconnectLongestMilliseconds: Int64 = 1_500
    /// The longest where a person has to act first: a wrong key, no agent there.
    public var reconnectPermanentMilliseconds: Int64 = 30_000
    /// How often an agent that says nothing is asked for a sign of life, and how many looks without
    /// one end its session. A daemon answers within milliseconds; one that swaps has half a minute.
    public var pingMilliseconds: Int64 = 10_000
    public var missedPings = 3
    /// A transfer without a byte for this long has stalled, however healthy SSH looks.
    public var transferStallMilliseconds: Int64 = 60_000
    /// Delays between tries of a transfer, a publication or a store that is down.
    public var retryFirstMilliseconds: Int64 = 500
    public var retryLongestMilliseconds: Int64 = 30_000
    /// Transfers of one artifact that end with a wrong digest before the attempt is given up.
    public var digestMismatches = 3
    /// A host clock that is off by more is reported to the operator.
    public var clockSkewMilliseconds: Int64 = 5_000
    /// Longest name, reason or path that the API takes.
    public var reasonBytes = 4096
    public var pathBytes = 1024

    public init() {}
}
