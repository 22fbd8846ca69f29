//! CoordinatorService: carries out what CoordinatorCore decides: dispatching, sessions with hosts
//! and builds, transfers, recovery. It uses only the Core's ports and never names a concrete
//! adapter.

import CoordinatorCore

/// The limits of the service, each with its reason.
public struct ServiceLimits: Sendable {
    /// Builds that may be queued or run. Further submissions are refused, so that a runaway trigger
    /// cannot fill the database.
    public var queuedBuilds = 100_000
    /// How long a host may be unreachable before its attempts are given up and retried elsewhere. A
    /// reboot of a large server fits; running builds survive shorter interruptions.
    public var hostLostMilliseconds: Int64 = 10 * 60_000
    /// Reconnect delays: short for a brief interruption, and never so long that logs resume more
    /// than 2 s after the link is back. The log of the coordinator gets a line only for a new
    /// reason.
    public var reconnectFirstMilliseconds: Int64 = 250
    public var reconnectLongestMilliseconds: Int64 = 1_500
    /// The longest delay if an operator must act first: a wrong key, no agent.
    public var reconnectPermanentMilliseconds: Int64 = 30_000
    /// A session that ends sooner because of what its agent sent has achieved nothing: the delay
    /// before the next one goes on growing, and `hostLostMilliseconds` goes on. Otherwise a message
    /// that always ends its session would keep its builds, and connect three times a second.
    public var soundSessionMilliseconds: Int64 = 60_000
    /// The same for one that the agent's side closed: agents are killed and restarted, but one that
    /// closes every session at once must not look alive.
    public var closedSessionMilliseconds: Int64 = 2_000
    /// Messages without news that one session may send: an agent reports each of its 1,024 attempts
    /// after it connected, and then a few times a second what some of them do.
    public var messageBurst = 4_096
    public var messagesPerSecond = 256
    /// The reports of a host are looked at once per this time, because each may change what runs
    /// where.
    public var reportMilliseconds: Int64 = 1_000
    /// How often a silent agent is pinged, and how many checks without a response end its session.
    /// A daemon responds within milliseconds; one that swaps gets half a minute.
    public var pingMilliseconds: Int64 = 10_000
    public var missedPings = 3
    /// A transfer without a byte for this long has stalled, however healthy the SSH connection is.
    public var transferStallMilliseconds: Int64 = 60_000
    /// A connected host that delivers nothing of an artifact for this long has a broken disk.
    /// Longer than `hostLostMilliseconds`, which applies to unreachable hosts.
    public var pullQuietMilliseconds: Int64 = 20 * 60_000
    /// The slowest average of a pull, beyond `pullQuietMilliseconds`. A host that delivers a byte a
    /// minute never stalls, and would keep its build for years.
    public var pullBytesPerSecond: Int64 = 128 << 10
    /// How long a connected host may take to accept an attempt: a template of 256 MiB takes this at
    /// 0.4 MiB/s.
    public var dispatchMilliseconds: Int64 = 10 * 60_000
    /// How long hosts may look at the template of a build that somebody submits and waits for, and
    /// how many of them are asked. An agent gives Packer 15 s.
    public var checkMilliseconds: Int64 = 20_000
    public var checkHosts = 3
    /// Templates that are looked at concurrently; further builds are queued without.
    public var checksAtOnce = 4
    /// Templates that Packer took, which are not looked at again: some bytes each.
    public var checkedTemplates = 1_000
    /// How often the plugins for hosts are listed and offered: a new one is there within minutes,
    /// and what a host lost comes back.
    public var pluginMilliseconds: Int64 = 60_000
    /// Hosts that are sent plugins at once: images and logs use the same network.
    public var pluginDeliveriesAtOnce = 4
    /// How often one looks whether it is its turn.
    public var pluginTurnMilliseconds: Int64 = 500
    /// How long after its total time limit, or after a cancel request, an attempt may still run. An
    /// agent needs 10 s to end a build and 20 s for the evidence of its guest.
    public var overdueMilliseconds: Int64 = 10 * 60_000
    public var cancelMilliseconds: Int64 = 5 * 60_000
    /// The slowest transfer of the rest of a log.
    public var logBytesPerSecond: Int64 = 64 << 10
    /// Delays between attempts of a transfer, a publication or a store operation.
    public var retryFirstMilliseconds: Int64 = 500
    public var retryLongestMilliseconds: Int64 = 30_000
    /// Longest delay between attempts to resume the builds: nothing is dispatched meanwhile.
    public var resumeLongestMilliseconds: Int64 = 5_000
    /// Transfers of one artifact that end with a wrong digest before the attempt is given up.
    public var digestMismatches = 3
    /// A decision without progress for this long hangs. Its longest legitimate step waits for a
    /// frozen database: ten attempts of a minute each.
    public var tickStuckMilliseconds: Int64 = 15 * 60_000
    /// A larger clock skew of a host is shown to the operator.
    public var clockSkewMilliseconds: Int64 = 5_000
    /// A coordinator that did not renew its lease for this long counts as dead. Several renewals
    /// may be lost, a database node may take 3 s to notice the death of another, and a takeover
    /// still takes less than 15 s.
    public var leaseMilliseconds: Int64 = 9_000
    public var leaseRenewMilliseconds: Int64 = 1_500
    /// How old an explanation of waiting builds may be: sorting a full queue for each of a thousand
    /// followers would leave no time for anything else.
    public var explanationMilliseconds: Int64 = 1_000
    /// How many guest OSes are looked up for one explanation, two queries each: with thousands of
    /// them queued at once, the first answers have fewer estimates rather than none.
    public var durationLooks = 50
    /// How often the retention policy is applied, and how often the free space of the web root is
    /// checked in between.
    public var retentionMilliseconds: Int64 = 60 * 60_000
    public var retentionLookMilliseconds: Int64 = 60_000
    /// Pauses before the removal of a remote image is tried again, up to a day: below
    /// `RemovalRules.longestWaitMilliseconds`.
    public var removalRetryMilliseconds: Int64 = 60_000
    public var removalRetryLongestMilliseconds: Int64 = 86_400_000
    /// Tries are counted this far, which is long after the pause has reached a day.
    public var removalTriesCounted = 1_000
    /// How often everything that is stored is measured: a million files take some seconds.
    public var storageMilliseconds: Int64 = 15 * 60_000
    /// How often a template is read for its schedule and triggers without a push, and the pause
    /// between two of them: ten thousand repositories are then fetched in six hours.
    public var triggerRefreshMilliseconds: Int64 = 60 * 60_000
    public var triggerPauseMilliseconds: Int64 = 2_000
    /// The clock may be changed while nothing is due.
    public var triggerLookMilliseconds: Int64 = 30_000
    /// Automatic builds that are submitted at once: each fetches a repository.
    public var triggersAtOnce = 4
    /// Delays between tries of an automatic build that cannot be submitted.
    public var triggerRetryFirstMilliseconds: Int64 = 60_000
    public var triggerRetryLongestMilliseconds: Int64 = 60 * 60_000
    /// Rows per query when all have to be read.
    public var pageRows = 500
    /// Old rows of each kind that one transaction removes, for which other writes wait: five
    /// statements for each build.
    public var historyRows = 100
    /// Live builds per query of a recovery, which nobody else waits for the store with: a million
    /// are read in 200 queries.
    public var recoveryRows = 5_000
    /// A log may exceed its limit by the lines that an agent adds to the log of a supervisor that
    /// died.
    public var logSlackBytes: Int64 = 64 << 10
    /// Problems of a spreadsheet that are listed; the others are counted. Nobody fixes more than a
    /// hundred at a time.
    public var importProblems = 100
    /// How long the Git server of the templates may take for all guest OSes of one import. A
    /// project and its hook take a second; the rest is done on request.
    public var templateServerMilliseconds: Int64 = 120_000
    /// Concurrent releases: each holds a connection and a few buffers, and all read the disk of the
    /// web root. Per environment there are fewer, so that its API is not overloaded.
    public var releasesAtOnce = 16
    public var releasesAtOncePerEnvironment = 3
    /// Environments that one request or one template may name.
    public var releaseEnvironments = 50
    /// How long a release waits for its approval: over a holiday, but not for an image that newer
    /// ones have replaced, and whose file the retention policy cannot remove meanwhile.
    public var releaseApprovalMilliseconds: Int64 = 14 * 86_400_000
    /// What a request may allow a release: less than a minute is over before the first retry, and
    /// after a week nobody remembers it.
    public var releaseTimeoutSeconds = 60...7 * 86_400
    /// The deadline of a drain: at once, or as long as an absence that somebody plans.
    public var drainSeconds = 0...30 * 86_400
    /// How often a host is looked at whose drain is over and that still runs something: its agent
    /// needs seconds to stop a virtual machine.
    public var drainLookMilliseconds: Int64 = 30_000
    /// How often the store is asked for deliveries that other coordinators stored, and for further
    /// tries that are due.
    public var deliveryLookMilliseconds: Int64 = 5_000
    /// Projects whose deliveries are handled at once: each may fetch a large repository.
    public var deliveriesAtOnce = 8
    /// Pages of due deliveries that are looked through for projects that are not being handled.
    public var deliveryPages = 20
    /// Tries of a delivery whose repository cannot be reached, over some two hours.
    public var deliveryTries = 10
    public var deliveryRetryMilliseconds: Int64 = 15_000
    public var deliveryRetryLongestMilliseconds: Int64 = 30 * 60_000
    /// Deliveries that are kept, the newest ones, and for how long: enough to see what a hook did
    /// last month; each has some kilobytes, and at most 64 KiB of its body.
    public var deliveriesKept = 10_000
    public var deliveryDays = 30
    public var deliveryCleanUpMilliseconds: Int64 = 10 * 60_000
    /// At most one message to a place in this time: what comes meanwhile is sent together. Chats
    /// accept one a second, DingTalk and WeCom twenty a minute.
    public var notificationMilliseconds: Int64 = 15_000
    /// How often places are looked at whose pause may be over.
    public var notificationLookMilliseconds: Int64 = 5_000
    /// The longest pause after tries that failed.
    public var notificationRetryLongestMilliseconds: Int64 = 30 * 60_000
    /// Older ones are not sent: a place that is away for a day is not read, and a digest of more
    /// is no news.
    public var notificationGiveUpMilliseconds: Int64 = 24 * 3_600_000
    /// What one message is about: it counts them, and names the first ones.
    public var notificationsAtOnce = 500
    /// What ended this long ago is noted by a new leader, if it is not yet: a takeover takes
    /// seconds, a restart after an upgrade minutes.
    public var notificationCatchUpMilliseconds: Int64 = 30 * 60_000
    /// Those that were sent are kept, so that people see when the last one was.
    public var notificationKeptMilliseconds: Int64 = 7 * 86_400_000
    public var notificationCleanUpMilliseconds: Int64 = 10 * 60_000
    /// Guest OSes of one repository whose broken templates are shown beside a commit: more say the
    /// same.
    public var brokenImagesOfDelivery = 100
    /// How long a Git server shows why a build waits before it is sent another reason. It doubles
    /// with each: GitHub takes 1,000 statuses of one commit.
    public var statusReasonMilliseconds: Int64 = 60_000
    public var statusReasonLongestMilliseconds: Int64 = 3_600_000
    /// Waiting builds that are looked at in one look.
    public var statusReasonsAtOnce = 20
    /// Statuses of commits that are sent at once, to one or several Git servers.
    public var statusesAtOnce = 4
    /// Tries to send one, over some six hours: a server that is updated is back by then, and later
    /// nobody looks at the commit.
    public var statusTries = 20
    public var statusRetryMilliseconds: Int64 = 5_000
    /// Builds that ended this long ago have their status sent again by a new leader: a takeover
    /// takes seconds, a restart after an upgrade minutes.
    public var statusCatchUpMilliseconds: Int64 = 30 * 60_000
    public var statusRetryLongestMilliseconds: Int64 = 30 * 60_000
    /// Profiles that are remembered with those that are gone: a server that invents names would
    /// fill the file.
    public var profilesKept = 50_000
    /// How long one look at a list of profiles may go on: a server that hangs delays each of them
    /// by 20 s.
    public var profileLookMilliseconds: Int64 = 10 * 60_000
    /// Delays between connections to the queue of requests, the longer ones if it cannot be reached
    /// or was closed at once.
    public var queueReconnectMilliseconds: Int64 = 1_000
    public var queueReconnectLongestMilliseconds: Int64 = 30_000
    /// Longest delay between tries of an answer while the queue's server is away: then it is soon
    /// sent after the server is back.
    public var answerRetryLongestMilliseconds: Int64 = 60_000
    /// Tries of a change whose row changes meanwhile. Each change in between is a step of a
    /// release, which takes longer than this.
    public var changeTries = 10
    /// Longest name, reason or path that the API accepts.
    public var reasonBytes = 4096
    public var pathBytes = 1024

    public init() {}

    var deadlines: AttemptDeadline.Bounds {
        AttemptDeadline.Bounds(
            dispatchMilliseconds: dispatchMilliseconds, graceMilliseconds: overdueMilliseconds,
            cancelMilliseconds: cancelMilliseconds, logBytesPerSecond: logBytesPerSecond,
            hostLostMilliseconds: hostLostMilliseconds)
    }
}
