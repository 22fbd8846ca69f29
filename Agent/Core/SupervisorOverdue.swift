public import BuildProtocol

/// When the daemon kills a supervisor, in which the timers of its attempt live: one that hangs, or
/// that a program of the attempt has stopped.
public enum SupervisorOverdue: Sendable, Hashable {
    case cancelled
    case outOfTime(AttemptLimits)

    /// Counted from the cancel, or from the start.
    public var milliseconds: Int64 {
        switch self {
        case .cancelled: AgentLimits.cancelMilliseconds
        case .outOfTime(let limits):
            Int64(limits.totalSeconds) * 1000 + AgentLimits.overdueMilliseconds
        }
    }

    public var fault: Fault {
        let killed = "its supervisor did not stop by itself and was killed"
        switch self {
        case .cancelled: return Fault(.cancelled, .cancelled, "cancelled; \(killed)")
        case .outOfTime(let limits):
            let fault = TimeoutCause.total(seconds: limits.totalSeconds)
                .fault(evidence: nil, lowestFreeBytes: .max)
            return Fault(fault.class, fault.code, "\(fault.reason); \(killed)")
        }
    }
}
