import BuildProtocol
import CoordinatorCore
import Support

/// The hosts of the farm: their sessions, reports and health.
public actor HostFleet: HostEvents {
    private let ports: Ports
    private let epoch: LeaseEpoch
    private let wakeup: Wakeup
    private var hosts: [String: HostState] = [:]
    /// The hosts that changed since the dispatcher last asked.
    private var news: Set<String> = []
    private let log = Logger("hosts")
    /// Of hosts whose connections end, by name.
    private var losses: [String: RepeatedLine] = [:]
    /// The name under which each agent is used, by its ID.
    private var names = AgentNames()
    private let plugins: PluginList
    private let pluginLook: Repetition

    init(ports: Ports, epoch: LeaseEpoch, wakeup: Wakeup) {
        self.ports = ports
        self.epoch = epoch
        self.wakeup = wakeup
        plugins = PluginList(ports)
        pluginLook = Repetition(ports.clock)
    }

    // MARK: Life

    /// Loads the hosts. `connect` opens the sessions, once the builds that run there have theirs.
    func load() async throws {
        for host in try await ports.store.hosts() { admit(host) }
    }

    func connect() async {
        // First, so that no build is refused for plugins that a host is about to get.
        if plugins.isUsed {
            _ = await plugins.look()
            pluginLook.start { [weak self, ports] in
                await self?.lookAtPlugins()
                return ports.limits.pluginMilliseconds
            }
        }
        for state in hosts.values { await state.monitor.start() }
    }

    /// Concurrently: one host that is slow to close must not use up the time of the others.
    func stop() async {
        await pluginLook.stop()
        await withTaskGroup(of: Void.self) { group in
            for state in hosts.values { group.addTask { await state.monitor.stop() } }
        }
    }

    private func admit(_ host: Host) {
        let monitor = HostMonitor(
            host: host, plugins: plugins, ports: ports, epoch: epoch, events: self)
        hosts[host.name] = HostState(host: host, monitor: monitor)
        news.insert(host.name)
    }

    // MARK: Administration

    var count: Int { hosts.count }

    func add(_ host: Host) async {
        admit(host)
        await hosts[host.name]?.monitor.start()
    }

    func setDrain(_ drain: HostDrain?, host name: String) {
        news.insert(name)
        hosts[name]?.host.drain = drain
        // An operator who resumes a host vouches for it.
        if drain == nil { hosts[name]?.health = HostHealth() }
        wakeup.raise()
    }

    func variables(ofHost name: String) -> [String: String] { hosts[name]?.host.variables ?? [:] }

    /// For attempts that begin there from now on.
    func setVariables(_ variables: [String: String], host name: String) {
        hosts[name]?.host.variables = variables
    }

    /// Those that are drained, with their deadlines.
    func drained() -> [Host] { hosts.values.map(\.host).filter { $0.drain != nil } }

    /// The deadline of its drain has passed: it tests nothing any more.
    func drainEnded(_ name: String) {
        news.insert(name)
        wakeup.raise()
    }

    func change(_ host: Host) async {
        news.insert(host.name)
        names.release(host.name)
        hosts[host.name]?.host = host
        // An operator who corrects a host vouches for it.
        hosts[host.name]?.health = HostHealth()
        await hosts[host.name]?.monitor.change(host)
        wakeup.raise()
    }

    func remove(_ name: String) async {
        guard let state = hosts.removeValue(forKey: name) else { return }
        losses[name] = nil
        names.release(name)
        news.insert(name)
        wakeup.raise()
        await state.monitor.stop()
    }

    // MARK: Attempts

    func monitor(_ name: String) -> HostMonitor? { hosts[name]?.monitor }

    /// Releases the session of an ended attempt, whose files the host may then delete.
    func release(_ session: BuildSession) async {
        await hosts[session.host.name]?.monitor.release(session)
    }

    func record(_ fault: Fault?, ofHost name: String) {
        news.insert(name)
        hosts[name]?.health.record(
            fault, monotonicMilliseconds: ports.clock.monotonicMilliseconds())
    }

    // MARK: Queries

    func views() -> [HostView] {
        let now = ports.clock.monotonicMilliseconds()
        let unix = ports.clock.unixMilliseconds()
        return hosts.values.map { view($0, now, unix) }
    }

    private func view(_ state: HostState, _ now: Int64, _ unix: Int64) -> HostView {
        var view = state.view(monotonic: now, at: unix)
        view.handedOut = plugins.versions(for: view.report)
        return view
    }

    /// The hosts that changed since the last call. Only the dispatcher calls it.
    func changes() -> HostChanges {
        let now = ports.clock.monotonicMilliseconds()
        var changes = HostChanges()
        for name in news {
            if let state = hosts[name] {
                changes.changed.append(view(state, now, ports.clock.unixMilliseconds()))
            } else {
                changes.removed.append(name)
            }
        }
        // A quarantine ends by itself.
        news = Set(changes.changed.filter { $0.quarantineMilliseconds != nil }.map(\.name))
        return changes
    }

    /// Sorted by name.
    /// - Parameter running: how many attempts each runs.
    func snapshots(running: [String: Int]) -> [HostSnapshot] {
        let namesByKey = namesByKey()
        return hosts.keys.sorted().compactMap {
            try? snapshot($0, running: running, namesByKey: namesByKey)
        }
    }

    func snapshot(_ name: String, running: [String: Int]) throws -> HostSnapshot {
        try snapshot(name, running: running, namesByKey: namesByKey())
    }

    private func snapshot(
        _ name: String, running: [String: Int], namesByKey: [String: [String]]
    ) throws -> HostSnapshot {
        guard let state = hosts[name] else { throw StoreError.notFound(what: .host, name: name) }
        var snapshot = state.snapshot(
            at: ports.clock.unixMilliseconds(), monotonic: ports.clock.monotonicMilliseconds(),
            running: running[name] ?? 0,
            clockSkewLimitMilliseconds: ports.limits.clockSkewMilliseconds)
        let sameKey = namesByKey[state.host.hostKey] ?? []
        snapshot.othersWithHostKey = sameKey.filter { $0 != name }.sorted()
        return snapshot
    }

    private func namesByKey() -> [String: [String]] {
        Dictionary(grouping: hosts.values.map(\.host), by: \.hostKey).mapValues { $0.map(\.name) }
    }

    // MARK: Plugins

    private func lookAtPlugins() async {
        if await plugins.look() {
            news.formUnion(hosts.keys)
            wakeup.raise()
        }
        // A host that reads nothing must not keep the others waiting.
        for state in hosts.values { Task { await state.monitor.plugins.offer() } }
    }

    // MARK: Reports of sessions

    func hostAnswered(_ name: String, agent version: String) {
        hosts[name]?.agentVersion = version
    }

    func hostReported(_ name: String, _ report: HostReport) {
        let arrival = hosts[name]?.arrived(
            report, monotonic: ports.clock.monotonicMilliseconds(),
            pauseMilliseconds: ports.limits.reportMilliseconds)
        switch arrival {
        case .take: take(report, ofHost: name)
        case .wait(let until):
            Task {
                try await ports.clock.sleep(untilMonotonicMilliseconds: until)
                let now = ports.clock.monotonicMilliseconds()
                if let report = hosts[name]?.takeWaiting(monotonic: now) {
                    take(report, ofHost: name)
                }
            }
        case .waiting, nil: break
        }
    }

    private func take(_ report: HostReport, ofHost name: String) {
        let now = ports.clock.unixMilliseconds()
        guard hosts[name]?.reported(report, atMilliseconds: now) == true else { return }
        news.insert(name)
        wakeup.raise()
    }

    /// Two names of one agent would use its slots twice, and each would end what the other runs.
    func refusal(
        of agentID: String?, holding unknown: [AttemptToken], ofHost name: String
    ) async -> String? {
        var other: String?
        if !unknown.isEmpty {
            for state in hosts.values where state.host.name != name && other == nil {
                if await state.monitor.follows(anyOf: unknown) { other = state.host.name }
            }
        }
        // It may have been removed meanwhile.
        if other == nil, hosts[name] != nil, let agentID {
            other = names.claim(agentID, for: name)
        }
        return other.map { other in
            "it is the host \(other) under another name: the same agent answers. Remove one of "
                + "them: aibuild host remove \(name)"
        }
    }

    func hostWentAway(_ name: String, _ why: String) {
        guard hosts[name]?.wentAway(why) == true else { return }
        news.insert(name)
        let now = ports.clock.monotonicMilliseconds()
        if let line = losses[name, default: RepeatedLine()].text(why, atMilliseconds: now) {
            log.about(LogIDs(host: name)).warning(line)
        }
        // The explanations of waiting builds name this host's state.
        wakeup.raise()
    }
}
