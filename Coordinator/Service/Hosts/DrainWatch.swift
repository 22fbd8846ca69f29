import CoordinatorCore
import Support

/// Empties the drained hosts whose deadline has passed: what still runs there is cancelled and
/// queued anew.
actor DrainWatch {
    private let ports: Ports
    private let fleet: HostFleet
    private let tracker: BuildTracker
    private var alarm: Task<Void, Never>?
    private var isStopping = false
    /// By host: the drains whose end was said.
    private var said: [String: HostDrain] = [:]
    private let log = Logger("hosts")

    init(ports: Ports, fleet: HostFleet, tracker: BuildTracker) {
        self.ports = ports
        self.fleet = fleet
        self.tracker = tracker
    }

    func stop() async {
        isStopping = true
        alarm?.cancel()
        await alarm?.value
    }

    /// Looks at all hosts, and again when the next deadline passes. An attempt that begins while
    /// its host's deadline passes is met by a later look.
    func look() async {
        guard !isStopping else { return }
        let now = ports.clock.unixMilliseconds()
        var next: Int64?
        for host in await fleet.drained() {
            guard let drain = host.drain, let deadline = drain.deadlineMilliseconds else {
                continue
            }
            guard deadline <= now else {
                next = min(next ?? .max, deadline)
                continue
            }
            await end(drain, of: host.name)
            if await tracker.runningByHost()[host.name, default: 0] > 0 {
                next = min(next ?? .max, now + ports.limits.drainLookMilliseconds)
            }
        }
        // The old one may be the caller, which does nothing afterwards.
        alarm?.cancel()
        alarm = next.map { time in
            Task {
                do { try await self.ports.clock.sleep(milliseconds: max(1, time - now)) } catch {
                    return
                }
                await self.look()
            }
        }
    }

    private func end(_ drain: HostDrain, of host: String) async {
        let running = await tracker.runningByHost()[host, default: 0]
        await fleet.drainEnded(host)
        let why = "host \(host) is drained and its deadline has passed; it is queued again"
        for session in await tracker.sessions(on: host) { await session.post(.evict(why)) }
        guard said[host] != drain else { return }
        said[host] = drain
        let builds = running == 1 ? "1 build" : "\(running) builds"
        log.about(LogIDs(host: host))
            .info("the deadline of its drain has passed; moving \(builds)")
        do {
            try await ports.audit("deadline", "host.evict", host, builds)
        } catch { log.warning("cannot record it in the audit log: \(error)") }
    }
}
