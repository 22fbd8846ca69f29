import BuildProtocol
import CoordinatorCore
import Support

/// The farm's head: holds the world, ticks the scheduler when something happened, carries out its
/// decisions, and records how attempts end. Store first, memory second, so that a crash between
/// any two steps loses nothing.
public actor Coordinator {
    let ports: Ports
    /// Told of every change: keys are build ids, and `Coordinator.allBuilds`.
    public nonisolated let changes = ChangeHub()
    public static let allBuilds = "*"
    /// Where the images go that passed.
    public nonisolated let releases: Releases

    /// With which this coordinator leads; `nil` while it stands by and only answers reads.
    public internal(set) var epoch: Int64?
    var hosts: [String: HostState] = [:]
    var live = LiveBuilds()
    var share = FairShare()
    var ticking: Task<Void, Never>?
    private var tickWanted = false
    /// When the tick under way last got on.
    var tickStepMilliseconds: Int64 = 0
    /// What those who ask why a build waits are told, until the next tick.
    var explanation: (madeMilliseconds: Int64, value: Scheduler.Explanation)?
    var housekeeping: Task<Void, Never>?
    var isRetaining = false
    /// Nothing new is begun any more.
    var isStopping = false
    var alarm: (atMilliseconds: Int64, task: Task<Void, Never>)?
    private var webRootFreeBytes: Int64?
    private var webRootMeasuredMilliseconds: Int64 = -1000
    let log = Logger("coordinator")

    public init(ports: Ports) {
        self.ports = ports
        releases = Releases(ports: ports)
    }

    // MARK: Life

    /// Takes up everything where the last leader left it.
    /// - Throws: `StoreError` when the store cannot be read; then it may be called again.
    public func lead(epoch: Int64) async throws {
        hosts = [:]
        live = LiveBuilds()
        self.epoch = epoch
        for build in try await ports.store.liveBuilds() {
            live[build.id] = LiveBuild(build: build, history: try await history(of: build))
        }
        for host in try await ports.store.hosts() { await admit(host) }
        for build in live.all.map(\.build) {
            if build.state != .queued {
                await resume(build)
            } else if build.cancelRequested {
                // The last coordinator ended between the wish and its fulfilment.
                _ = try await cancelWaiting(build, "cancelled")
            }
        }
        let living = Set(live.running.compactMap { $0.session?.token })
        do { try await ports.webRoot.sweep(keeping: living) } catch {
            log.warning("cannot sweep the web root: \(error)")
        }
        try await releases.lead(epoch: epoch)
        log.info("\(live.count) builds in hand, \(hosts.count) hosts")
        for state in hosts.values { await state.monitor.start() }
        housekeeping?.cancel()
        housekeeping = Task { await self.keepHouse() }
        tick()
    }

    func admit(_ host: Host) async {
        hosts[host.name] = HostState(
            host: host,
            monitor: HostMonitor(
                host: host, ports: ports, coordinator: self, epoch: epoch ?? 0))
    }

    private func history(of build: Build) async throws -> [(host: String, fault: Fault)] {
        guard build.attemptCount > 0 else { return [] }
        return try await ports.store.attempts(ofBuild: build.id).compactMap { attempt in
            guard attempt.stage == build.stage else { return nil }
            return attempt.outcome?.fault.map { (attempt.host, $0) }
        }
    }

    /// An attempt that ran when the last coordinator ended.
    private func resume(_ build: Build) async {
        guard let token = build.attempt, let name = build.host, let state = hosts[name] else {
            // Its host was removed meanwhile; nothing of it can be heard again.
            let fault = Fault(
                .infrastructure, .hostLost, "host \(build.host ?? "?") is not registered any more")
            await record(build, AttemptEnd(outcome: Outcome(fault: fault)), nil)
            return
        }
        let hasRun = ((try? await ports.logs.sizeBytes(token)) ?? 0) > 0
        let machine = BuildMachine(
            stage: hasRun ? .running : .dispatching, tests: build.testPlan,
            cancelReason: build.cancelRequested ? "cancelled" : nil)
        await begin(build, token, state, machine)
    }

    private func begin(
        _ build: Build, _ token: AttemptToken, _ state: HostState, _ machine: BuildMachine
    ) async {
        let session = BuildSession(
            build: build, token: token, host: state.host, monitor: state.monitor, ports: ports,
            coordinator: self, epoch: epoch ?? 0, machine: machine)
        live[build.id]?.session = session
        live[build.id]?.attemptStartedMilliseconds = ports.environment.unixMilliseconds()
        await state.monitor.attach(session)
    }

    // MARK: Tick

    /// Decides anew, now or right after the tick that is running.
    func tick() {
        tickWanted = true
        explanation = nil
        guard ticking == nil, !isStopping else { return }
        tickStepMilliseconds = ports.environment.monotonicMilliseconds()
        ticking = Task {
            while self.tickWanted, !self.isStopping {
                self.tickWanted = false
                await self.decideOnce()
            }
            self.ticking = nil
        }
    }

    private func decideOnce() async {
        await measureWebRoot()
        for decision in Scheduler.decide(world()) {
            if isStopping { return }
            tickStepMilliseconds = ports.environment.monotonicMilliseconds()
            switch decision {
            case .start(let id, let host): await start(id, on: host)
            case .fail(let id, let fault): await fail(id, fault)
            case .wake(let at): setAlarm(at)
            }
        }
    }

    /// Once a second at most: ticks may come by the hundred.
    private func measureWebRoot() async {
        let now = ports.environment.monotonicMilliseconds()
        guard now - webRootMeasuredMilliseconds >= 1000 else { return }
        webRootMeasuredMilliseconds = now
        webRootFreeBytes = try? await ports.webRoot.freeBytes()
    }

    /// Wakes at the earliest time that was asked for.
    private func setAlarm(_ unixMilliseconds: Int64) {
        if let alarm, alarm.atMilliseconds <= unixMilliseconds { return }
        alarm?.task.cancel()
        let delay = max(1, unixMilliseconds - ports.environment.unixMilliseconds())
        let task = Task {
            do { try await self.ports.sleep(milliseconds: delay) } catch { return }
            self.alarm = nil
            self.tick()
        }
        alarm = (unixMilliseconds, task)
    }

    func world() -> World {
        let now = ports.environment.unixMilliseconds()
        let monotonic = ports.environment.monotonicMilliseconds()
        var running: [RunningBuild] = []
        var reserved: Int64 = 0
        for entry in live.running {
            let build = entry.build
            // The image of a test is in the web root already.
            if build.stage == .build { reserved += build.requirements.diskBytes }
            running.append(
                RunningBuild(
                    id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
                    host: build.host, requirements: build.requirements,
                    startedMilliseconds: entry.attemptStartedMilliseconds,
                    expectedSeconds: build.stage == .build ? entry.expectedSeconds : nil))
        }
        live.ripen(at: now)
        return World(
            nowMilliseconds: now,
            hosts: hosts.values.map { $0.view(at: now, monotonic: monotonic) },
            queue: live.queue, running: running, use: share.values(at: now),
            webRootFreeBytes: webRootFreeBytes.map { $0 - reserved })
    }

    private func start(_ id: String, on name: String) async {
        guard let entry = live[id], entry.build.state == .queued, let state = hosts[name] else {
            return
        }
        let token = ports.environment.randomToken()
        let now = ports.environment.unixMilliseconds()
        let attempt = Attempt(
            token: token, build: id, ordinal: entry.build.attemptCount + 1,
            stage: entry.build.stage, host: name, startedMilliseconds: now)
        let change = BuildChange(
            build: id, from: [.queued], owner: nil,
            to: entry.build.stage == .test ? .testing : .building, atMilliseconds: now,
            begin: attempt, epoch: epoch ?? 0)
        do {
            guard let claimed = try await ports.store.apply(change) else {
                return await refresh(id)
            }
            updated(claimed)
            if live[id]?.expectedSeconds == nil {
                // Only shown: a claimed build is not held up for it.
                let recent =
                    (try? await ports.store.recentDurationsSeconds(
                        guestOS: claimed.guestOS, limit: 5)) ?? []
                live[id]?.expectedSeconds =
                    recent.isEmpty ? nil : recent.sorted()[recent.count / 2]
            }
            // The host may have been removed while the claim was written.
            guard hosts[name] != nil else { return await resume(claimed) }
            // A wish to cancel may have come as well.
            let isUnwanted = live[id]?.build.cancelRequested ?? true
            let machine = BuildMachine(
                tests: claimed.testPlan, cancelReason: isUnwanted ? "cancelled" : nil)
            await begin(claimed, token, state, machine)
        } catch {
            log.error("cannot claim build \(id): \(error)")
            setAlarm(now + ports.limits.retryLongestMilliseconds)
        }
    }

    private func fail(_ id: String, _ fault: Fault) async {
        let change = BuildChange(
            build: id, from: [.queued], owner: nil, to: .failed,
            atMilliseconds: ports.environment.unixMilliseconds(), fault: fault,
            epoch: epoch ?? 0)
        do {
            if let ended = try await ports.store.apply(change) { updated(ended) }
        } catch {
            log.error("cannot record that build \(id) is impossible: \(error)")
            // In a quiet farm nothing else would have it decided about again.
            setAlarm(change.atMilliseconds + ports.limits.retryLongestMilliseconds)
        }
    }

    /// The store knows better: another coordinator or an admin changed the build, or the answer to
    /// a claim was lost on the way. An attempt that nobody looks after is taken up.
    func refresh(_ id: String) async {
        let build: Build
        do {
            guard let found = try await ports.store.build(id: id) else { return }
            build = found
        } catch {
            // Until the store answers: nobody else looks after this build.
            Task {
                try await self.ports.sleep(milliseconds: self.ports.limits.retryLongestMilliseconds)
                await self.refresh(id)
            }
            return
        }
        updated(build)
        if build.state == .queued {
            // Nothing else may happen in a quiet farm that would have it decided about.
            tick()
        } else if !build.state.isEnded, live[id]?.session == nil {
            await resume(build)
        }
    }
}
