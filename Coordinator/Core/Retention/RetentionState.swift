public import BuildProtocol

/// Which policy removes now, and which will. One that is switched on or made stricter is shown
/// first: a restart with a new line in coordinator.yml must not remove anything before somebody
/// could look.
public struct RetentionState: Sendable, Hashable, Codable {
    /// `nil`: nothing is removed.
    public var inForce: RetentionPolicy?
    public var pending: RetentionPolicy?
    /// When `pending` comes into force.
    @OptionalBounded<UnixTimeBound> public var beginsMilliseconds: Int64?

    public init(inForce: RetentionPolicy? = nil) { self.inForce = inForce }

    /// - Parameter configured: the policy of coordinator.yml; `nil` if it has none.
    public func next(
        _ configured: RetentionPolicy?, graceMilliseconds: Int64, nowMilliseconds now: Int64
    ) -> RetentionState {
        guard let configured else { return RetentionState() }
        // What is to be kept from now on is kept at once.
        let kept = inForce.map { $0.loosened(by: configured) }
        guard kept != configured else { return RetentionState(inForce: configured) }
        var begins = now + max(0, graceMilliseconds)
        if let pending, let beginsMilliseconds, configured.loosened(by: pending) == configured {
            // Not stricter than what was shown; the delay may have been shortened.
            begins = min(begins, beginsMilliseconds)
        }
        guard begins > now else { return RetentionState(inForce: configured) }
        var next = RetentionState(inForce: kept)
        next.pending = configured
        next.beginsMilliseconds = begins
        return next
    }
}
