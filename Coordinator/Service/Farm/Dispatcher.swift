import BuildProtocol
import CoordinatorCore
import Support

/// Runs the scheduler whenever something has changed, and carries out its decisions.
actor Dispatcher {
    private let ports: Ports
    private let store: any BuildWriter
    private let fleet: HostFleet
    private let tracker: BuildTracker
    private let wakeup: Wakeup
    private var loop: Task<Void, Never>?
    private var alarm: (dueMilliseconds: Int64, task: Task<Void, Never>)?
    /// When the current decision last made progress; `nil` if there is none.
    private var stepMilliseconds: Int64?
    private var isStopping = false
    private var webRoot: (freeBytes: Int64?, measuredMilliseconds: Int64)?
    private let log = Logger("dispatcher")

    init(
        ports: Ports, store: any BuildWriter, fleet: HostFleet, tracker: BuildTracker,
        wakeup: Wakeup
    ) {
        self.ports = ports
        self.store = store
        self.fleet = fleet
        self.tracker = tracker
        self.wakeup = wakeup
    }

    func start() {
        guard loop == nil, !isStopping else { return }
        loop = Task {
            while !self.isStopping {
                await self.wakeup.wait()
                if !self.isStopping { await self.decide() }
            }
        }
        wakeup.raise()
    }

    /// Returns once the effect in progress is done; no other is started.
    func stop() async {
        isStopping = true
        alarm?.task.cancel()
        wakeup.raise()
        await loop?.value
    }

    /// Whether dispatching makes progress.
    func pulse() -> Bool {
        guard let stepMilliseconds else { return true }
        let quiet = ports.clock.monotonicMilliseconds() - stepMilliseconds
        return quiet < ports.limits.tickStuckMilliseconds
    }

    private func decide() async {
        defer { stepMilliseconds = nil }
        stepMilliseconds = ports.clock.monotonicMilliseconds()
        let free = await webRootFreeBytes()
        for decision in await tracker.decide(await fleet.changes(), webRootFreeBytes: free) {
            if isStopping { return }
            stepMilliseconds = ports.clock.monotonicMilliseconds()
            switch decision {
            case .start(let build, let host): await claim(build, for: host)
            case .fail(let build, let fault): await fail(build, fault)
            case .wake(let wait): wake(afterMilliseconds: wait)
            }
        }
    }

    /// Measured once a second at most, because decisions may come by the hundred.
    private func webRootFreeBytes() async -> Int64? {
        let now = ports.clock.monotonicMilliseconds()
        if let webRoot, now - webRoot.measuredMilliseconds < 1000 { return webRoot.freeBytes }
        let free = try? await ports.webRoot.freeBytes()
        webRoot = (free, now)
        return free
    }

    /// Schedules the next decision for the earliest requested time.
    private func wake(afterMilliseconds wait: Int64) {
        let delay = max(1, wait)
        let due = ports.clock.monotonicMilliseconds() + delay
        if let alarm, alarm.dueMilliseconds <= due { return }
        alarm?.task.cancel()
        let task = Task {
            do { try await self.ports.clock.sleep(milliseconds: delay) } catch { return }
            self.alarm = nil
            self.wakeup.raise()
        }
        alarm = (due, task)
    }

    // MARK: Decisions

    private func claim(_ id: String, for host: String) async {
        guard let build = await tracker.queued(id), await fleet.monitor(host) != nil else { return }
        let now = ports.clock.unixMilliseconds()
        var attempt = Attempt(
            token: ports.ids.randomToken(), build: id, ordinal: build.attemptCount + 1,
            stage: build.stage, host: host, startedMilliseconds: now)
        if build.stage == .build {
            attempt.hostVariables = build.plan.variables(
                ofHost: await fleet.variables(ofHost: host))
        }
        let change = BuildChange(
            build: id, from: [.queued], owner: nil,
            to: build.stage == .test ? .testing : .building, atMilliseconds: now, begin: attempt)
        do {
            guard let claimed = try await store.apply(change) else {
                return await tracker.refresh(id)
            }
            await tracker.claimed(claimed)
        } catch let error as StoreError where error.code == .unusable {
            await tracker.setAside(id, error)
        } catch {
            log.about(LogIDs(build: id)).error("cannot claim the build: \(error)")
            // On a quiet farm, no other event would have the build considered again.
            wake(afterMilliseconds: ports.limits.retryLongestMilliseconds)
        }
    }

    private func fail(_ id: String, _ fault: Fault) async {
        let change = BuildChange(
            build: id, from: [.queued], owner: nil, to: .failed,
            atMilliseconds: ports.clock.unixMilliseconds(), fault: fault)
        do {
            if let ended = try await store.apply(change) { await tracker.changed(ended) }
        } catch let error as StoreError where error.code == .unusable {
            await tracker.setAside(id, error)
        } catch {
            log.about(LogIDs(build: id))
                .error("cannot record that the build is impossible: \(error)")
            wake(afterMilliseconds: ports.limits.retryLongestMilliseconds)
        }
    }
}
