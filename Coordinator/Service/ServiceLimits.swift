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
    /// A host that is connected and gives no more of an artifact for this long will not: its disk
    /// is broken. Longer than `hostLostMilliseconds`, which decides about hosts that are away.
    public var pullQuietMilliseconds: Int64 = 20 * 60_000
    /// Delays between tries of a transfer, a publication or a store that is down.
    public var retryFirstMilliseconds: Int64 = 500
    public var retryLongestMilliseconds: Int64 = 30_000
    /// Longest delay between tries to take up the builds: nothing is dispatched meanwhile.
    public var takeUpLongestMilliseconds: Int64 = 5_000
    /// Transfers of one artifact that end with a wrong digest before the attempt is given up.
    public var digestMismatches = 3
    /// A tick that does not get on for so long hangs. Its longest honest step waits for a frozen
    /// database: ten tries of a minute each.
    public var tickStuckMilliseconds: Int64 = 15 * 60_000
    /// A host clock that is off by more is reported to the operator.
    public var clockSkewMilliseconds: Int64 = 5_000
    /// A coordinator whose lease was not renewed for this long is taken for dead. Several renewals
    /// may be lost, a database node may take 3 s to notice that another one died, and a takeover
    /// still comes within 15 s.
    public var leaseMilliseconds: Int64 = 9_000
    public var leaseRenewMilliseconds: Int64 = 1_500
    /// How old the words may be that say why a build waits: sorting a full queue for each of a
    /// thousand followers would leave no time for anything else.
    public var explanationMilliseconds: Int64 = 1_000
    /// How often what the retention policy lets go is looked for, and how often whether the web
    /// root has run full meanwhile.
    public var retentionMilliseconds: Int64 = 60 * 60_000
    public var retentionLookMilliseconds: Int64 = 60_000
    /// Rows that are read at once where all have to be looked at.
    public var pageRows = 500
    /// A log may be longer than its limit by the last words that an agent adds to the log of a
    /// supervisor that died.
    public var logSlackBytes: Int64 = 64 << 10
    /// Problems of a spreadsheet that are told one by one; the others are counted. A person mends a
    /// hundred at a time.
    public var importProblems = 100
    /// How long the Git server of the templates may take for all guest OSes of one import. A
    /// project and its hook take it a second; what is not done by then is done when asked for.
    public var templateServerMilliseconds: Int64 = 120_000
    /// Releases under way at once: each holds a connection and a few buffers, and all read the disk
    /// of the web root. One environment gets a few, so that its API is not run over.
    public var releasesAtOnce = 16
    public var releasesAtOncePerEnvironment = 3
    /// Environments that one request, or one template, may name.
    public var releaseEnvironments = 50
    /// Longest name, reason or path that the API takes.
    public var reasonBytes = 4096
    public var pathBytes = 1024

    public init() {}
}
