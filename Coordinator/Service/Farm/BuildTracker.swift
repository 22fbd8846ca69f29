import BuildProtocol
public import CoordinatorCore
import Support

/// The builds that have not ended: the queue, the running ones, and how attempts end. Store first,
/// memory second, so that a crash between any two steps loses nothing.
public actor BuildTracker: AttemptEvents {
    private let ports: Ports
    private let store: any BuildWriter
    private let fleet: HostFleet
    private let releases: Releases
    private let cancellation: QueuedCancellation
    private let news: BuildNews
    private let wakeup: Wakeup
    private var live = LiveBuilds()
    private var share = FairShare()
    private var webRootFreeBytes: Int64?
    private var explanation: SharedExplanation?
    private var isStopping = false
    private let log = Logger("builds")
    private let journal: BuildJournal
    private let usual: DurationHistory

    init(
        ports: Ports, store: any BuildWriter, fleet: HostFleet, releases: Releases,
        news: BuildNews, wakeup: Wakeup
    ) {
        self.ports = ports
        self.store = store
        self.fleet = fleet
        self.releases = releases
        usual = DurationHistory(ports)
        journal = BuildJournal(meter: BuildMeter(ports))
        cancellation = QueuedCancellation(ports: ports, store: store)
        self.news = news
        self.wakeup = wakeup
    }

    /// Resumes every build where the last leader left it.
    /// - Throws: `StoreError` if the store cannot be read.
    func resume() async throws {
        live = try await LiveBuilds.recovered(ports)
        for build in live.all.map(\.build) {
            if build.state != .queued {
                await resume(build)
            } else if build.cancelRequested {
                // The last leader ended between the cancel request and its execution.
                _ = try await cancelQueued(build, "cancelled")
            }
        }
    }

    /// Stops every session. Builds continue, and the next leader resumes them.
    func stop() async {
        isStopping = true
        await withTaskGroup(of: Void.self) { group in
            for case let session? in live.all.map(\.session) {
                group.addTask { await session.stop() }
            }
        }
    }

    /// Begins or resumes an attempt that has no session.
    private func resume(_ build: Build) async {
        // The host may have been removed, also while the claim was written.
        guard let host = build.host, let monitor = await fleet.monitor(host) else {
            var fault = Fault(
                .infrastructure, .hostLost, "host \(build.host ?? "?") is not registered any more")
            do {
                let image = try await ports.cleanUp(after: build, &fault)
                try await record(build, AttemptEnd(outcome: Outcome(fault: fault)), image)
            } catch {
                log.about(LogIDs(build: build.id)).error("cannot record its end: \(error)")
                refreshLater(build.id)
            }
            return
        }
        guard let token = build.attempt else { return }
        let hasRun = ((try? await ports.logs.sizeBytes(token)) ?? 0) > 0
        await begin(build, token, monitor, hasRun ? .running : .dispatching)
    }

    private func begin(
        _ build: Build, _ token: AttemptToken, _ monitor: HostMonitor, _ stage: BuildMachine.Stage
    ) async {
        guard !isStopping else { return }  // The next leader repeats it.
        // A cancel request may have arrived while the claim was written.
        let isUnwanted = live[build.id]?.build.cancelRequested ?? true
        let now = ports.clock.unixMilliseconds()
        let elapsed = live[build.id]?.elapsedMilliseconds(at: now) ?? 0
        let session = BuildSession(
            build: build, token: token, link: monitor.link, ports: ports,
            store: store, changes: news.changes, events: self,
            machine: BuildMachine(
                stage: stage, tests: build.testPlan, publishes: build.plan.isPublished,
                cancelReason: isUnwanted ? "cancelled" : nil), elapsedMilliseconds: elapsed)
        live[build.id]?.begin(session, startedMilliseconds: now &- elapsed)
        await monitor.attach(session)
    }

    // MARK: Requests of the dispatcher

    func decide(_ changes: HostChanges, webRootFreeBytes: Int64?) -> [Decision] {
        self.webRootFreeBytes = webRootFreeBytes
        live.update(changes)
        return Scheduler.decide(world(live.farm))
    }

    /// The build, if it is still queued.
    func queued(_ id: String) -> Build? {
        live[id].flatMap { $0.build.state == .queued ? $0.build : nil }
    }

    /// Starts the attempt for which the build was just claimed in the store.
    func claimed(_ build: Build) async {
        update(build)
        await resume(build)
    }

    /// Reads a build again from the store: another coordinator changed it, or the response to a
    /// claim was lost. An attempt without a session is resumed.
    func refresh(_ id: String) async {
        let build: Build
        do {
            guard let found = try await ports.store.build(id: id) else { return }
            build = found
        } catch let error as StoreError where error.code == .unusable {
            return setAside(id, error)
        } catch { return refreshLater(id) }
        update(build)
        if build.state == .queued {
            // On a quiet farm, no other event would have the build considered again.
            wakeup.raise()
        } else if !build.state.isEnded, live[id]?.session == nil {
            await resume(build)
        }
    }

    /// Until the store responds: no other task handles this build.
    private func refreshLater(_ id: String) {
        Task {
            try await ports.clock.sleep(milliseconds: ports.limits.retryLongestMilliseconds)
            if !isStopping { await refresh(id) }
        }
    }

    // MARK: Requests of users

    var count: Int { live.count }
    func runningByHost() -> [String: Int] { live.runningByHost }

    /// Leaves a build alone whose row cannot be used. The next recovery looks at it again.
    func setAside(_ id: String, _ error: StoreError) {
        log.error("\(error)")
        explanation = nil
        live[id] = nil
        wakeup.raise()
    }

    /// Adds a build that was just stored to the queue.
    func add(_ build: Build) {
        update(build)
        wakeup.raise()
    }

    /// Applies a change that does not concern the build's state.
    func changed(_ build: Build) { if live[build.id] != nil { update(build) } }

    /// Carries out a cancel request that was stored.
    /// - Returns: the build if that ended it; a running attempt ends later.
    func cancel(_ build: Build, _ reason: String) async throws -> Build? {
        live[build.id]?.build.cancelRequested = true
        guard let session = live[build.id]?.session else {
            return try await cancelQueued(build, reason)
        }
        await session.post(.cancel(reason))
        return nil
    }

    private func cancelQueued(_ build: Build, _ reason: String) async throws -> Build? {
        do {
            let ended = try await cancellation.end(build, reason)
            if let ended { update(ended) } else { wakeup.raise() }
            return ended
        } catch let error as StoreError where error.code == .unusable {
            setAside(build.id, error)
            return nil
        }
    }

    func sessions(on host: String) -> [BuildSession] { live.sessions(on: host) }
    func requeued(from host: String) -> [QueuedBuild] { live.requeued(from: host) }
    func session(of build: Build) -> BuildSession? { live[build.id]?.session }
    /// The attempts whose files must be kept.
    func livingAttempts() -> Set<AttemptToken> { live.attempts }
    public func load() async -> BuildLoad { live.load(in: await present()) }
    public var counts: (running: Int, queued: Int) { live.counts }
    func find(_ id: String) -> (Build, LiveDetail)? { live[id].map { ($0.build, $0.detail) } }
    /// What is not queued, the latest first, at most `limit`.
    public func running(limit: Int) -> [(Build, LiveDetail)] { live.newest(limit) }
    public func running(on host: String) -> [(Build, LiveDetail)] { live.running(on: host) }

    /// Why a build waits; `nil` if it does not.
    public func explain(_ id: String) async -> Waiting? {
        live[id]?.build.state == .queued ? await explained().waiting(id) : nil
    }

    /// The queued builds in order, at most `limit`.
    public func queue(limit: Int) async -> [(Build, Waiting)] {
        await explained().first(limit).compactMap { id, waiting in
            live[id].map { ($0.build, waiting) }
        }
    }

    /// Thousands of clients may ask why their builds wait: they share one answer until something
    /// changes or a moment has passed.
    func explained() async -> Scheduler.Explanation {
        if let fresh = explanation?.value(wakeup, ports) { return fresh }
        // First: what changes while the store is read is part of the explanation.
        let durations = await usual.durations(of: world(live.farm).guestOSes)
        let made = Scheduler.Explanation(await present(durations))
        explanation = SharedExplanation(made, wakeup, ports)
        return made
    }

    /// As it is now, not as the last decision saw it.
    func present(_ usual: [String: UsualDurations] = [:]) async -> World {
        let hosts = await fleet.views()
        return world(Farm(hosts, running: live.farm.running.values), usual)
    }

    private func world(_ farm: Farm, _ usual: [String: UsualDurations] = [:]) -> World {
        live.world(farm, share, webRootFreeBytes, usual, at: ports.clock.unixMilliseconds())
    }

    // MARK: Reports of sessions

    func progressed(_ build: String, _ detail: LiveDetail) async {
        guard let entry = live[build], entry.detail != detail else { return }
        live[build]?.detail = detail
        await news.changes.bump(build)
    }

    func leftHost(_ session: BuildSession) {
        if live.leftHost(session, at: ports.clock.unixMilliseconds()) { wakeup.raise() }
    }

    func advanced(_ build: Build) { update(build) }
    func ended(_ session: BuildSession, _ end: AttemptEnd, _ image: PublishedImage?) async throws {
        if let entry = live[session.build.id], entry.build.attempt == session.token {
            try await record(entry.build, end, image)
        }
        await fleet.release(session)
    }

    func superseded(_ session: BuildSession) async {
        let id = session.build.id
        log.about(LogIDs(build: id, attempt: session.token.text)).warning("it is superseded")
        if live[id]?.session === session { live[id]?.session = nil }
        await refresh(id)
        await fleet.release(session)
    }

    private func record(_ build: Build, _ end: AttemptEnd, _ image: PublishedImage?) async throws {
        let now = ports.clock.unixMilliseconds()
        let entry = live[build.id]
        guard
            let verdict = AttemptVerdict(
                build, end.left(at: entry?.leftHostMilliseconds), image: image,
                history: entry?.history ?? [], isUnwanted: entry?.build.cancelRequested ?? false,
                nowMilliseconds: now, newID: ports.ids.randomID)
        else { return }
        let changed = try await store.apply(verdict.change)
        live[build.id]?.session = nil
        guard let changed else {
            log.about(LogIDs(build: build.id)).warning("an attempt ended that does not own it")
            return await refresh(build.id)
        }
        journal.meter.ended(verdict, build, from: entry?.startedMilliseconds, at: now)
        live[build.id]?.ended(verdict)
        await fleet.record(verdict.fault, ofHost: verdict.host)
        share.add(since: entry?.startedMilliseconds ?? now, to: build.owner, at: now)
        update(changed)
        if changed.state == .queued, live[build.id]?.build.cancelRequested ?? false {
            _ = try await cancelQueued(changed, "cancelled")
        }
        wakeup.raise()
        await usual.forget(build.guestOS)
        await releases.take(verdict.change.releases)
    }

    private func update(_ build: Build) {
        // It holds the old queue, which would otherwise be copied by the next change.
        explanation = nil
        let now = ports.clock.unixMilliseconds()
        journal.note(live[build.id], build, at: now)
        live.update(build, at: now)
        news.changed(build)
    }
}
