public import BuildProtocol

/// The two timers of a running build program: its total time and the silence of its log. Time is
/// monotonic and comes in as a value.
public struct AttemptTimers: Sendable, Hashable {
    private let limits: AttemptLimits
    private let startedMilliseconds: Int64
    private var lastOutputMilliseconds: Int64
    /// How often the silence limit counts before the build is ended: once more for each time that
    /// its guest was seen to work.
    private var periods: Int64 = 1

    public init(limits: AttemptLimits, nowMilliseconds: Int64) {
        self.limits = limits
        startedMilliseconds = nowMilliseconds
        lastOutputMilliseconds = nowMilliseconds
    }

    /// The program said something, or another one begins.
    public mutating func sawOutput(nowMilliseconds: Int64) {
        lastOutputMilliseconds = nowMilliseconds
        periods = 1
    }

    /// The build is silent, but its guest works: it is given the silence limit once more.
    /// - Returns: whether it is; three times the limit is the end.
    public mutating func allowMoreSilence() -> Bool {
        guard periods < AgentLimits.silencePeriods else { return false }
        periods += 1
        return true
    }

    private var silenceMilliseconds: Int64 { Int64(limits.silenceSeconds) * 1000 }

    /// How long a silent guest is watched.
    public var windowMilliseconds: Int64 {
        min(AgentLimits.guestWindowMilliseconds, silenceMilliseconds / 2)
    }

    public var silenceDeadlineMilliseconds: Int64 {
        lastOutputMilliseconds + periods * silenceMilliseconds
    }

    /// Of the whole attempt; the only one for work of the agent itself, which logs nothing
    /// meanwhile.
    public var totalDeadlineMilliseconds: Int64 {
        startedMilliseconds + Int64(limits.totalSeconds) * 1000
    }

    /// The timer that has run out.
    public func expired(nowMilliseconds: Int64) -> TimeoutCause? {
        if nowMilliseconds >= totalDeadlineMilliseconds {
            return .total(seconds: limits.totalSeconds)
        }
        if nowMilliseconds >= silenceDeadlineMilliseconds { return silence(.noGuest) }
        return nil
    }

    /// The end of a silent build, with what its guest was seen to do.
    public func silence(_ verdict: GuestVerdict) -> TimeoutCause {
        .silence(seconds: limits.silenceSeconds * Int(periods), verdict)
    }
}
