public import BuildProtocol
public import CoordinatorCore
import TextKit

/// What the coordinator knows about one host.
struct HostState {
    var host: Host
    let monitor: HostMonitor
    /// Why the host is unreachable; `nil` while it is connected.
    private(set) var away: String? = "is being connected to"
    /// The first connection has neither come nor failed yet.
    private var isNew = true
    private var report: HostReport?
    private var reportedMilliseconds: Int64 = 0
    /// A report that came too soon after another.
    private var waiting: HostReport?
    /// On the monotonic clock.
    private var takenMilliseconds: Int64 = .min
    var health = HostHealth()
    /// As it said at the last connection.
    var agentVersion: String?

    init(host: Host, monitor: HostMonitor) {
        self.host = host
        self.monitor = monitor
    }

    /// - Returns: whether the scheduler has to look at the host again.
    mutating func reported(_ report: HostReport, atMilliseconds now: Int64) -> Bool {
        let isChanged = away != nil || self.report?.facts != report.facts
        away = nil
        isNew = false
        self.report = report
        reportedMilliseconds = now
        return isChanged
    }

    enum Arrival { case take, wait(untilMilliseconds: Int64), waiting }

    /// Whether a report is looked at now. Of those that come too soon, the last one is kept.
    mutating func arrived(
        _ report: HostReport, monotonic now: Int64, pauseMilliseconds: Int64
    ) -> Arrival {
        let next = takenMilliseconds &+ pauseMilliseconds
        if away != nil || waiting == nil && now >= next {
            waiting = nil
            takenMilliseconds = now
            return .take
        }
        defer { waiting = report }
        return waiting == nil ? .wait(untilMilliseconds: next) : .waiting
    }

    /// The report that waited, if there still is one.
    mutating func takeWaiting(monotonic now: Int64) -> HostReport? {
        guard away == nil else {
            waiting = nil
            return nil
        }
        takenMilliseconds = now
        return waiting.take()
    }

    /// - Returns: whether the reason is new.
    mutating func wentAway(_ why: String) -> Bool {
        defer {
            away = why
            isNew = false
        }
        return away != why
    }

    /// For the scheduler.
    func view(monotonic now: Int64, at unixMilliseconds: Int64) -> HostView {
        let isOver = host.drain?.isOver(atMilliseconds: unixMilliseconds) ?? true
        return HostView(
            name: host.name, availability: availability(now), report: report,
            finishesTests: away == nil && !isOver, drainNote: host.drain?.note ?? "")
    }

    private func availability(_ now: Int64) -> HostView.Availability {
        if host.drain != nil { return .drained }
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

    private var drainDetail: String {
        let note = host.drain?.note ?? ""
        let deadline = host.drain?.deadlineMilliseconds.map {
            "; what runs at \(UTCTime(unixMilliseconds: $0).text) UTC is moved to other hosts"
        }
        return "drained: " + (note.isEmpty ? "takes no new builds" : note) + (deadline ?? "")
    }

    /// For the API.
    func snapshot(
        at now: Int64, monotonic: Int64, running: Int, clockSkewLimitMilliseconds: Int64
    ) -> HostSnapshot {
        let (state, detail): (String, String) =
            switch availability(monotonic) {
            case .ready: ("ready", "")
            case .drained where away == nil: ("ready", drainDetail)
            case .drained: ("unreachable", "\(away ?? ""); \(drainDetail)")
            case .quarantined(_, let why): ("quarantined", why)
            case .away(let why): (isNew ? "connecting" : "unreachable", why)
            }
        let skew = report.map { $0.unixMilliseconds - reportedMilliseconds } ?? 0
        return HostSnapshot(
            host: host, state: state, detail: detail, agentVersion: agentVersion, report: report,
            running: running,
            clockSkewMilliseconds: abs(skew) > clockSkewLimitMilliseconds ? skew : 0)
    }
}

/// A host as the API shows it.
public struct HostSnapshot: Sendable {
    public var host: Host
    /// `ready`, `connecting`, `unreachable`, `quarantined`
    public var state: String
    public var detail: String
    /// `nil` before the first connection.
    public var agentVersion: String?
    public var report: HostReport?
    public var running: Int
    public var clockSkewMilliseconds: Int64
    /// Names of other hosts with the same host key, sorted.
    public var othersWithHostKey: [String] = []
}

extension HostReport {
    /// Without the time at which it was made.
    fileprivate var facts: HostReport {
        var facts = self
        facts.unixMilliseconds = 0
        return facts
    }
}
