public import BuildProtocol
public import CoordinatorCore

/// What the coordinator knows about one host.
struct HostState {
    var host: Host
    let monitor: HostMonitor
    /// Why the host is unreachable; `nil` while it is connected.
    private(set) var away: String? = "is being connected to"
    private var report: HostReport?
    private var reportedMilliseconds: Int64 = 0
    var health = HostHealth()

    init(host: Host, monitor: HostMonitor) {
        self.host = host
        self.monitor = monitor
    }

    mutating func reported(_ report: HostReport, atMilliseconds now: Int64) {
        away = nil
        self.report = report
        reportedMilliseconds = now
    }

    /// - Returns: whether the reason is new.
    mutating func wentAway(_ why: String) -> Bool {
        defer { away = why }
        return away != why
    }

    /// For the scheduler.
    func view(monotonic now: Int64) -> HostView {
        HostView(name: host.name, availability: availability(now), report: report)
    }

    private func availability(_ now: Int64) -> HostView.Availability {
        if host.drained { return .drained }
        if let away { return .away(away) }
        let rest = health.quarantineMilliseconds(monotonicMilliseconds: now)
        if rest > 0 {
            let seconds = (rest + 999) / 1000
            return .quarantined(
                remainingMilliseconds: rest,
                "is quarantined for \(seconds) s more after \(health.failures) faults in a row, "
                    + "last: \(health.lastFault)")
        }
        return .ready
    }

    /// For the API.
    func snapshot(
        at now: Int64, monotonic: Int64, running: Int, clockSkewLimitMilliseconds: Int64
    ) -> HostSnapshot {
        let (state, detail): (String, String) =
            switch availability(monotonic) {
            case .ready: ("ready", "")
            case .drained where away == nil: ("ready", "drained: takes no new builds")
            case .drained: ("unreachable", away ?? "")
            case .quarantined(_, let why): ("quarantined", why)
            case .away(let why): (report == nil ? "connecting" : "unreachable", why)
            }
        let skew = report.map { $0.unixMilliseconds - reportedMilliseconds } ?? 0
        return HostSnapshot(
            host: host, state: state, detail: detail, report: report, running: running,
            clockSkewMilliseconds: abs(skew) > clockSkewLimitMilliseconds ? skew : 0)
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
