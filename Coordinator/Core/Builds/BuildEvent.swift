public import BuildProtocol

/// What happens to an attempt.
public enum BuildEvent: Sendable, Hashable {
    /// The session with the host is open. `summary`: the attempt as the agent holds it.
    case connected(hasTemplate: Bool, summary: AttemptSummary?)
    case disconnected
    case templateDelivered
    case phase(Phase)
    case refused(ErrorReport)
    case finished(Finished)
    /// Part of the log is missing here: a chunk was lost on the way, or could not be stored.
    case logIncomplete
    case logChecked(matches: Bool)
    case collected
    case published(PublishedImage?)
    /// A permanent failure of the attempt: the host stays unreachable, or the pull or the
    /// publication failed for good.
    case failed(Fault)
    /// The store refused this attempt's token: its messages have no further effect.
    case superseded
    case cancel(String)
    /// The host is to be empty now: the build is queued anew, for other hosts.
    case evict(String)
}
