public import BuildProtocol

/// The two timers of a running build program: its total time and the silence of its log. Time is
/// monotonic and comes in as a value.
public struct AttemptTimers: Sendable, Hashable {
    private let limits: AttemptLimits
    private let startedMilliseconds: Int64
    private var lastOutputMilliseconds: Int64

    public init(limits: AttemptLimits, nowMilliseconds: Int64) {
        self.limits = limits
        startedMilliseconds = nowMilliseconds
        lastOutputMilliseconds = nowMilliseconds
    }

    /// The program said something, or another one begins.
    public mutating func sawOutput(nowMilliseconds: Int64) {
        lastOutputMilliseconds = nowMilliseconds
    }

    private var totalDeadline: Int64 {
        startedMilliseconds + Int64(limits.totalSeconds) * 1000
    }

    private var silenceDeadline: Int64 {
        lastOutputMilliseconds + Int64(limits.silenceSeconds) * 1000
    }

    /// When to look again.
    public var nextDeadlineMilliseconds: Int64 { min(totalDeadline, silenceDeadline) }

    /// Only the total time: for work of the agent itself, which logs nothing meanwhile.
    public var totalDeadlineMilliseconds: Int64 { totalDeadline }

    /// The fault of the timer that has run out.
    public func expired(nowMilliseconds: Int64) -> Fault? {
        if nowMilliseconds >= totalDeadline {
            return Fault(
                .template, .timeoutTotal,
                "the build took longer than its limit of \(limits.totalSeconds) s and was stopped; "
                    + "raise `timeout` in aibuild.yml if it needs more")
        }
        if nowMilliseconds >= silenceDeadline {
            return Fault(
                .template, .timeoutSilence,
                "the build printed nothing for \(limits.silenceSeconds) s and was stopped; it "
                    + "seems to wait for something that never comes")
        }
        return nil
    }
}
