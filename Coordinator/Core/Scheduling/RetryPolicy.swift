public import BuildProtocol

/// What follows a failed attempt.
public enum RetryPolicy {
    /// Attempts of each stage of one build, including the first, if its plan does not say how many.
    /// A template fault is never retried.
    public static let attempts = 5
    /// What `retries` of `aibuild.yml` may be: more would keep hosts busy with what fails.
    public static let retries = 0...20
    /// A build during which this many hosts were lost is stopped, so that no more are lost.
    public static let hostsKilled = 3
    public static let firstDelayMilliseconds: Int64 = 5_000
    public static let longestDelayMilliseconds: Int64 = 10 * 60_000

    public enum Verdict: Sendable, Hashable {
        case retry(notBeforeMilliseconds: Int64)
        case end(BuildState, Fault)
    }

    /// - Parameters:
    ///   - history: the faults of all attempts so far, including this one as the last, with
    ///     their hosts.
    ///   - retries: as the build's plan has it; `nil`: the usual number.
    public static func judge(
        _ fault: Fault, history: [AttemptFault], retries: Int? = nil, now: Int64
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
        if history.count > retries ?? attempts - 1 {
            let times = history.count == 1 ? "1 attempt" : "\(history.count) attempts"
            let why = "gave up after \(times); last: \(fault.reason)"
            return .end(.failed, Fault(.infrastructure, fault.code, why))
        }
        var delay = firstDelayMilliseconds
        for _ in 1..<max(1, history.count) { delay = min(delay * 3, longestDelayMilliseconds) }
        return .retry(notBeforeMilliseconds: now + delay)
    }

    /// When a queued build is due. A time further ahead than any delay was written before the clock
    /// was set back; without this check the build would wait for the difference.
    public static func due(_ notBeforeMilliseconds: Int64, now: Int64) -> Int64 {
        notBeforeMilliseconds - now > longestDelayMilliseconds ? 0 : notBeforeMilliseconds
    }

    /// How long a host that met `failures` infrastructure faults in a row gets no builds: one fault
    /// has no consequence; then 10 s, doubling up to an hour.
    public static func quarantineMilliseconds(failures: Int) -> Int64 {
        guard failures >= 2 else { return 0 }
        return min(3_600_000, 10_000 << min(9, Int64(failures - 2)))
    }
}

/// Attempts of a stage after its first.
public enum RetriesBound: NumberBound { public static let range = RetryPolicy.retries }

extension FaultCode {
    /// Faults that suggest that the attempt brought the host down.
    var killsHosts: Bool { self == .hostLost || self == .supervisorLost }

    /// Whether the host is to blame: not for faults of the network, of the coordinator's own
    /// disk, or of a source of secrets.
    public var blamesHost: Bool {
        self != .publishFailed && self != .baseImageFetch && self != .hostRefused
            && self != .secretUnavailable
    }
}
