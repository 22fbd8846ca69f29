/// One compare-and-set step of a release, as `BuildChange` is of a build: it changes nothing if the
/// release is in none of the states `from`, or is owned by another attempt than `attempt`.
public struct ReleaseChange: Sendable, Hashable {
    public var release: String
    public var from: Set<ReleaseState>
    /// The attempt that must own the release; `nil` if none does.
    public var attempt: Int?
    public var to: ReleaseState
    public var atMilliseconds: Int64
    /// A claim: the attempt count grows.
    public var begins = false
    public var notBeforeMilliseconds: Int64?
    public var journal: [String: String]?
    /// Set on the release, and recorded as a row of `release_log`.
    public var result: ReleaseResult?
    public var fault: RecordedFault?
    public var ending: ReleaseState?
    public var approvedBy: String?
    /// The attempt ended with its coordinator, and counts as no try.
    public var isInterruption = false
    /// The journal that the release must still have; `nil`: any.
    public var expectedJournal: [String: String]?
    public var leftBehind: [String]?
    public var abandonedBy: String?

    public init(
        release: String, from: Set<ReleaseState>, attempt: Int? = nil, to: ReleaseState,
        atMilliseconds: Int64
    ) {
        self.release = release
        self.from = from
        self.attempt = attempt
        self.to = to
        self.atMilliseconds = atMilliseconds
    }

    public func effect(on release: Release) -> ChangeEffect<Release> {
        let owner = release.state == .running ? release.attemptCount : nil
        guard from.contains(release.state), owner == attempt,
            expectedJournal.map({ $0 == release.journal }) ?? true
        else {
            return hasBeenApplied(to: release) ? .applied : .refused
        }
        var changed = release
        changed.state = to
        if begins {
            changed.attemptCount += 1
            changed.startedMilliseconds = release.startedMilliseconds ?? atMilliseconds
        }
        if let notBeforeMilliseconds { changed.notBeforeMilliseconds = notBeforeMilliseconds }
        if let journal { changed.journal = journal }
        if let result { changed.result = result }
        if let ending {
            if release.ending == nil { changed.uncountedAttempts = changed.attemptCount }
            changed.ending = ending
        }
        if isInterruption { changed.uncountedAttempts = (release.uncountedAttempts ?? 0) + 1 }
        if let leftBehind { changed.leftBehind = leftBehind.isEmpty ? nil : leftBehind }
        if let abandonedBy { changed.abandonedBy = abandonedBy }
        if let approvedBy { changed.approvedBy = approvedBy }
        changed.fault = to == .released ? nil : fault ?? release.fault
        if to.isEnded, changed.endedMilliseconds == nil {
            changed.endedMilliseconds = atMilliseconds
        }
        return .changed(changed)
    }

    private func hasBeenApplied(to release: Release) -> Bool {
        guard release.state == to, attempt.map({ $0 == release.attemptCount }) ?? true else {
            return false
        }
        if begins { return release.startedMilliseconds == atMilliseconds }
        return to.isEnded && release.endedMilliseconds == atMilliseconds
    }
}
