public import BuildProtocol

/// The health of a host: one that keeps failing is quarantined, and an attempt without a fault of
/// the host ends that.
public struct HostHealth: Sendable, Hashable {
    /// Consecutive infrastructure faults that the host is to blame for.
    public private(set) var failures = 0
    public private(set) var lastFault = ""
    /// On the monotonic clock, so that setting the wall clock back does not prolong a quarantine.
    private var quarantinedUntilMilliseconds: Int64 = 0

    public init() {}

    /// - Parameter fault: of an attempt that ended on the host; `nil` if it met none.
    public mutating func record(_ fault: Fault?, monotonicMilliseconds now: Int64) {
        guard let fault, fault.class == .infrastructure else {
            failures = 0
            return
        }
        guard fault.code.blamesHost else { return }
        failures += 1
        lastFault = fault.reason
        quarantinedUntilMilliseconds = now + RetryPolicy.quarantineMilliseconds(failures: failures)
    }

    /// The remaining time of the quarantine; 0 if there is none.
    public func quarantineMilliseconds(monotonicMilliseconds now: Int64) -> Int64 {
        max(0, quarantinedUntilMilliseconds - now)
    }
}
