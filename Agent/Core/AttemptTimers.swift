public import BuildProtocol

/// The two timers of a running build program: total time, and time without output. Time is
/// monotonic and passed in as a value.
public struct AttemptTimers: Sendable, Hashable {
    private let limits: AttemptLimits
    private let startedMilliseconds: Int64
    private var lastOutputMilliseconds: Int64
    /// How many silence limits the build gets: one more each time that its guest was active.
    private var periods: Int64 = 1

    public init(limits: AttemptLimits, nowMilliseconds: Int64) {
        self.limits = limits
        startedMilliseconds = nowMilliseconds
        lastOutputMilliseconds = nowMilliseconds
    }

    /// The program printed something, or another one starts.
    public mutating func sawOutput(nowMilliseconds: Int64) {
        lastOutputMilliseconds = nowMilliseconds
        periods = 1
    }

    /// Extends the silence limit of a build whose guest is active.
    /// - Returns: false if it was extended as often as allowed.
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

    /// Of the whole attempt. The only timer for work of the agent itself, which logs nothing.
    public var totalDeadlineMilliseconds: Int64 {
        startedMilliseconds + Int64(limits.totalSeconds) * 1000
    }

    public func expired(nowMilliseconds: Int64) -> TimeoutCause? {
        if nowMilliseconds >= totalDeadlineMilliseconds {
            return .total(seconds: limits.totalSeconds)
        }
        if nowMilliseconds >= silenceDeadlineMilliseconds { return silence(.noGuest) }
        return nil
    }

    /// The timeout of a silent build, with the verdict on its guest.
    public func silence(_ verdict: GuestVerdict) -> TimeoutCause {
        .silence(seconds: limits.silenceSeconds * Int(periods), verdict)
    }
}
