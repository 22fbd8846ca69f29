public import BuildProtocol

/// How far a host can be trusted with builds: one that keeps failing gets a pause, one that serves
/// an attempt well is trusted again.
public struct HostHealth: Sendable, Hashable {
    /// Infrastructure faults in a row that speak against the host.
    public private(set) var failures = 0
    public private(set) var lastFault = ""
    /// On the monotonic clock: a wall clock that is set back must not make a pause longer.
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

    /// What is left of the pause; 0 if there is none.
    public func quarantineMilliseconds(monotonicMilliseconds now: Int64) -> Int64 {
        max(0, quarantinedUntilMilliseconds - now)
    }
}
