public import BuildProtocol

/// What follows an attempt that did not pass.
public enum RetryPolicy {
    /// Attempts of one build, the first included. A template fault gets one, whatever this says.
    public static let attempts = 5
    /// A build that took this many hosts down with it is stopped before it takes the rest.
    public static let hostsKilled = 3
    public static let firstDelayMilliseconds: Int64 = 5_000
    public static let longestDelayMilliseconds: Int64 = 10 * 60_000

    public enum Verdict: Sendable, Hashable {
        case retry(notBeforeMilliseconds: Int64)
        case end(BuildState, Fault)
    }

    /// - Parameter history: the faults of all attempts so far, this one last, with their hosts.
    public static func judge(
        _ fault: Fault, history: [AttemptFault], now: Int64
    ) -> Verdict {
        switch fault.class {
        case .cancelled: return .end(.cancelled, fault)
        case .template: return .end(.failed, fault)
        case .infrastructure: break
        }
        let killed = Set(history.filter { $0.fault.code.killsHosts }.map(\.host))
        if killed.count >= hostsKilled {
            let names = killed.sorted().joined(separator: ", ")
            let why =
                "the hosts \(names) were lost while they ran this build; it is stopped "
                + "so that it takes no more. Last: \(fault.reason)"
            return .end(.failed, Fault(.infrastructure, .poison, why))
        }
        if history.count >= attempts {
            let why = "gave up after \(history.count) attempts; last: \(fault.reason)"
            return .end(.failed, Fault(.infrastructure, fault.code, why))
        }
        var delay = firstDelayMilliseconds
        for _ in 1..<max(1, history.count) { delay = min(delay * 3, longestDelayMilliseconds) }
        return .retry(notBeforeMilliseconds: now + delay)
    }

    /// When a build that waits is due. A time further ahead than any delay was written by a clock
    /// that has been set back since: without this a build would wait for the difference.
    public static func due(_ notBeforeMilliseconds: Int64, now: Int64) -> Int64 {
        notBeforeMilliseconds - now > longestDelayMilliseconds ? 0 : notBeforeMilliseconds
    }

    /// How long a host that met `failures` infrastructure faults in a row gets no builds.
    /// One fault is nobody's fault yet; then 10 s, doubling up to an hour.
    public static func quarantineMilliseconds(failures: Int) -> Int64 {
        guard failures >= 2 else { return 0 }
        return min(3_600_000, 10_000 << min(9, Int64(failures - 2)))
    }
}

extension FaultCode {
    /// Faults that speak against the host's life, not only against this attempt.
    var killsHosts: Bool { self == .hostLost || self == .supervisorLost }

    /// Faults of the way or of the coordinator's own disk, which say nothing about the host.
    public var blamesHost: Bool {
        self != .publishFailed && self != .baseImageFetch && self != .hostRefused
    }
}
