/// What a release does, as people read it. Its state alone does not tell a release that waits for
/// its turn from one that waits for its next try, or that has failed and takes back what it began.
public enum ReleasePhase: String, Sendable, CaseIterable {
    case awaitingApproval, queued
    /// Its last try failed, and the next one has a time.
    case retrying
    case running
    /// It will end as `Release.ending` says, once what is half-made is taken back.
    case cleaningUp
    case released, failed, cancelled, refused, rolledBack
}

extension Release {
    public var phase: ReleasePhase {
        if ending != nil, !state.isEnded { return .cleaningUp }
        switch state {
        case .awaitingApproval: return .awaitingApproval
        case .queued: return attemptCount > 0 && notBeforeMilliseconds > 0 ? .retrying : .queued
        case .running: return .running
        case .released: return .released
        case .failed: return .failed
        case .cancelled: return .cancelled
        case .refused: return .refused
        case .rolledBack: return .rolledBack
        }
    }

    /// Tries that have begun of what it does now: to release, or to clean up.
    public var tryCount: Int { max(0, attemptCount - (uncountedAttempts ?? 0)) }

    /// The try that runs, or else the next one, and how many there are; `nil` once it has ended.
    public var currentTry: (number: Int, limit: Int)? {
        guard !state.isEnded else { return nil }
        let limit = ending == nil ? ReleaseRetry.tries : ReleaseRetry.cleanUpTries
        return (min(limit, tryCount + (state == .running ? 0 : 1)), limit)
    }
}
