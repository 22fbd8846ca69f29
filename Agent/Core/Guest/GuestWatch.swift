/// Schedules the snapshots of the guests of a silent build: one window before the silence limit,
/// and at the limit, so that a build with a hung guest is stopped no later than one without a
/// guest.
public struct GuestWatch: Sendable, Hashable {
    private enum State: Sendable, Hashable {
        case resting
        case takingFirst
        case watching(GuestSnapshot)
        case takingSecond(GuestSnapshot)
    }

    private var state = State.resting

    public init() {}

    /// The build printed something, so earlier snapshots no longer matter.
    public mutating func sawOutput() { state = .resting }

    /// Whether a snapshot is to be taken now. Its result is passed to `saw`.
    public mutating func needsSnapshot(_ timers: AttemptTimers, nowMilliseconds: Int64) -> Bool {
        guard let due = dueMilliseconds(timers), nowMilliseconds >= due else { return false }
        switch state {
        case .resting: state = .takingFirst
        case .watching(let first): state = .takingSecond(first)
        case .takingFirst, .takingSecond: return false
        }
        return true
    }

    /// When the next snapshot is due; `nil` while one is being taken.
    public func dueMilliseconds(_ timers: AttemptTimers) -> Int64? {
        switch state {
        case .resting: timers.silenceDeadlineMilliseconds - timers.windowMilliseconds
        case .watching(let first):
            max(
                timers.silenceDeadlineMilliseconds,
                first.atMilliseconds + timers.windowMilliseconds)
        case .takingFirst, .takingSecond: nil
        }
    }

    /// - Returns: what the silence means, if this was the second snapshot.
    public mutating func saw(_ snapshot: GuestSnapshot) -> GuestVerdict? {
        switch state {
        case .takingFirst:
            state = .watching(snapshot)
            return nil
        case .takingSecond(let first):
            state = .resting
            return GuestVerdict.judge(from: first, to: snapshot)
        // The build printed something in the meantime.
        case .resting, .watching: return nil
        }
    }
}
