public import BuildProtocol

/// When the daemon kills a supervisor, in which the timers of its attempt live: one that hangs, or
/// that a program of the attempt has stopped.
public enum SupervisorOverdue: Sendable, Hashable {
    case cancelled
    case outOfTime

    /// Counted from the cancel, or from the start.
    public func milliseconds(_ limits: AttemptLimits) -> Int64 {
        let cleanup = Int64(limits.cleanupSeconds ?? 0) * 1000
        return switch self {
        case .cancelled: AgentLimits.cancelMilliseconds + cleanup
        case .outOfTime:
            Int64(limits.totalSeconds) * 1000 + AgentLimits.overdueMilliseconds + cleanup
        }
    }

    public func fault(_ limits: AttemptLimits) -> Fault {
        let killed = "its supervisor did not stop by itself and was killed"
        switch self {
        case .cancelled: return Fault(.cancelled, .cancelled, "cancelled; \(killed)")
        case .outOfTime:
            let fault = TimeoutCause.total(seconds: limits.totalSeconds)
                .fault(evidence: nil, lowestFreeBytes: .max)
            return Fault(fault.class, fault.code, "\(fault.reason); \(killed)")
        }
    }
}
