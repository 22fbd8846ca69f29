public import BuildProtocol

/// When the coordinator ends an attempt that its host does not end: each thing that a host owes has
/// a time after which nobody waits for it any more. A supervisor may be stopped, and an agent may
/// hang behind a healthy connection.
///
/// Times are monotonic milliseconds. While a host is unreachable, `host_lost` applies instead.
public struct AttemptDeadline: Sendable, Hashable {
    public struct Bounds: Sendable, Hashable {
        /// From the connection to the answer to `start`, with the delivery of the template.
        public var dispatchMilliseconds: Int64
        /// After the total time limit of the attempt, or after a reconnect beyond it.
        public var graceMilliseconds: Int64
        /// After a cancel request.
        public var cancelMilliseconds: Int64
        /// The slowest transfer of the rest of a log.
        public var logBytesPerSecond: Int64
        /// How long an attempt may be without its host.
        public var hostLostMilliseconds: Int64

        public init(
            dispatchMilliseconds: Int64, graceMilliseconds: Int64, cancelMilliseconds: Int64,
            logBytesPerSecond: Int64, hostLostMilliseconds: Int64
        ) {
            self.dispatchMilliseconds = dispatchMilliseconds
            self.graceMilliseconds = graceMilliseconds
            self.cancelMilliseconds = cancelMilliseconds
            self.logBytesPerSecond = logBytesPerSecond
            self.hostLostMilliseconds = hostLostMilliseconds
        }
    }

    private struct Request: Hashable {
        var reason: String
        var milliseconds: Int64
    }

    private let bounds: Bounds
    private let totalSeconds: Int
    /// The end of the total time limit.
    private let limit: Int64
    /// The last moment, whatever the host does.
    private let last: Int64
    /// Since when the host is connected.
    private var connected: Int64?
    /// When the log grew last.
    private var progressed: Int64
    private var cancel: Request?

    /// - Parameters:
    ///   - elapsedMilliseconds: how long the attempt has run, by a clock that may be wrong.
    ///   - now: the current monotonic time.
    public init(
        _ limits: AttemptLimits, _ bounds: Bounds, elapsedMilliseconds: Int64, now: Int64
    ) {
        self.bounds = bounds
        totalSeconds = limits.totalSeconds
        let total = Int64(limits.totalSeconds) * 1000
        limit = now + max(0, total - max(0, elapsedMilliseconds))
        let logMilliseconds = limits.logBytes / max(1, bounds.logBytesPerSecond) * 1000
        last = limit + bounds.graceMilliseconds + bounds.hostLostMilliseconds + logMilliseconds
        progressed = now
    }

    public mutating func note(_ event: BuildEvent, at now: Int64) {
        switch event {
        case .connected: connected(at: now)
        case .disconnected: disconnected()
        case .cancel(let reason): cancelled(reason, at: now)
        default: break
        }
    }

    public mutating func connected(at now: Int64) { connected = now }
    public mutating func disconnected() { connected = nil }
    public mutating func progressed(at now: Int64) { progressed = now }

    /// - Parameter reason: of the first request, which counts.
    public mutating func cancelled(_ reason: String, at now: Int64) {
        cancel = cancel ?? Request(reason: reason, milliseconds: now)
    }

    /// When the host's time is up; `nil` if it owes nothing.
    public func due(in stage: BuildMachine.Stage) -> Int64? {
        let cancelDue = cancel.map { $0.milliseconds + bounds.cancelMilliseconds }
        switch stage {
        case .dispatching:
            let start = connected.map { $0 + bounds.dispatchMilliseconds }
            return [start, cancelDue].compactMap(\.self).min()
        case .running, .checking:
            guard let connected else { return min(last, cancelDue ?? last) }
            let grace = max(limit, connected, progressed) + bounds.graceMilliseconds
            return min(grace, last, cancelDue ?? last)
        case .collecting, .publishing, .ended: return nil
        }
    }

    /// Why the coordinator ends an attempt whose time is up.
    public func fault(in stage: BuildMachine.Stage, host: String, at now: Int64) -> Fault {
        if let cancel, now >= cancel.milliseconds + bounds.cancelMilliseconds {
            return Fault(
                .cancelled, .cancelled,
                "\(cancel.reason); host \(host) did not stop it within "
                    + "\(bounds.cancelMilliseconds / 1000) s")
        }
        if case .dispatching = stage {
            return Fault(
                .infrastructure, .overdue,
                "host \(host) did not answer `start` within "
                    + "\(bounds.dispatchMilliseconds / 1000) s: check its agent")
        }
        return Fault(
            .infrastructure, .overdue,
            "host \(host) did not report the end of the attempt, although its limit of "
                + "\(totalSeconds) s is over: check its agent, and whether the template stops its "
                + "supervisor")
    }
}
