/// When the guests of a silent build are looked at: once a window before the silence limit, once at
/// the limit, so that a build whose guest hangs is ended no later than one without a guest.
public struct GuestWatch: Sendable, Hashable {
    private enum State: Sendable, Hashable {
        case resting
        case takingFirst
        case watching(GuestSnapshot)
        case takingSecond(GuestSnapshot)
    }

    private var state = State.resting

    public init() {}

    /// The build spoke; what was seen before does not matter any more.
    public mutating func sawOutput() { state = .resting }

    /// Whether the guests are to be looked at now. The answer comes by `saw`.
    public mutating func needsSnapshot(_ timers: AttemptTimers, nowMilliseconds: Int64) -> Bool {
        guard let due = dueMilliseconds(timers), nowMilliseconds >= due else { return false }
        switch state {
        case .resting: state = .takingFirst
        case .watching(let first): state = .takingSecond(first)
        case .takingFirst, .takingSecond: return false
        }
        return true
    }

    /// When `needsSnapshot` is to be asked again; `nil` while a look is under way.
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

    /// - Returns: what the silence means, when this was the second look.
    public mutating func saw(_ snapshot: GuestSnapshot) -> GuestVerdict? {
        switch state {
        case .takingFirst:
            state = .watching(snapshot)
            return nil
        case .takingSecond(let first):
            state = .resting
            return GuestVerdict.judge(from: first, to: snapshot)
        // The build spoke meanwhile.
        case .resting, .watching: return nil
        }
    }
}
