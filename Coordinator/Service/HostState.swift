public import BuildProtocol
public import CoordinatorCore

/// What the coordinator knows of one host now.
struct HostState {
    var host: Host
    var monitor: HostMonitor
    /// `nil` while connected.
    var away: String? = "is being connected to"
    var report: HostReport?
    var reportedMilliseconds: Int64 = 0
    /// Infrastructure faults in a row that speak against the host.
    var failures = 0
    /// On the monotonic clock: a wall clock that is set back must not make a pause longer.
    var quarantinedUntilMilliseconds: Int64 = 0
    var lastFault = ""

    /// - Parameter now: the wall clock's time, for whom the times in the view are.
    func view(at now: Int64, monotonic: Int64) -> HostView {
        HostView(
            name: host.name, availability: availability(at: now, monotonic), report: report)
    }

    private func availability(at now: Int64, _ monotonic: Int64) -> HostView.Availability {
        if host.drained { return .drained }
        if let away { return .away(away) }
        let rest = quarantinedUntilMilliseconds - monotonic
        if rest > 0 {
            let seconds = (rest + 999) / 1000
            return .quarantined(
                untilMilliseconds: now + rest,
                "is quarantined for \(seconds) s more after \(failures) faults in a row, "
                    + "last: \(lastFault)")
        }
        return .ready
    }
}

/// A host as the API shows it.
public struct HostSnapshot: Sendable {
    public var host: Host
    /// `ready`, `connecting`, `unreachable`, `quarantined`
    public var state: String
    public var detail: String
    public var report: HostReport?
    public var running: Int
    public var clockSkewMilliseconds: Int64
}

/// What is only known while a build lives.
public struct LiveDetail: Sendable, Hashable {
    public var phase: String?
    public var doneBytes: Int64?
    public var totalBytes: Int64?

    public init(phase: String? = nil, doneBytes: Int64? = nil, totalBytes: Int64? = nil) {
        self.phase = phase
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}

struct LiveBuild {
    var build: Build
    var session: BuildSession?
    var detail = LiveDetail()
    /// Hosts and faults of the attempts that failed so far.
    var history: [(host: String, fault: Fault)] = []
    var expectedSeconds: Int?
    var attemptStartedMilliseconds: Int64 = 0
}
