import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// One attempt, from its claim to its end: runs the `BuildMachine` and applies its effects, in
/// order, one at a time. Transfers run concurrently, so that a cancel request need not wait for
/// them.
actor BuildSession {
    nonisolated let token: AttemptToken
    nonisolated let templateSHA256: String
    nonisolated let build: Build
    /// With its current address.
    nonisolated var host: Host { link.host }
    /// Its end is recorded. Used by the host's monitor alone, for which it may end before it is
    /// attached.
    nonisolated let isReleased = Atomic(false)
    let link: HostLink
    let ports: Ports
    private let store: any BuildWriter
    let changes: ChangeHub
    weak let events: (any AttemptEvents)?
    let intake: LogIntake
    private(set) var machine: BuildMachine
    var deadline: AttemptDeadline
    private var alarm = DeadlineAlarm()
    /// Of the log that is stored here, as far as this session knows.
    var logBytes: Int64 = 0
    private var effects: [BuildEffect] = []
    /// The state that was last recorded.
    private var marked: BuildState
    private var isDeposed = false
    /// The row of the build cannot be used any more.
    private var isSetAside = false
    private var working: Task<Void, Never>?
    private var isStopping = false
    private var newestPhase: Phase?
    /// The log will be requested again in a moment.
    var isAskingAgain = false
    private var transfer: Task<Void, Never>?
    private let order: AttemptStart
    let log: Logger

    init(
        build: Build, token: AttemptToken, link: HostLink, ports: Ports,
        store: any BuildWriter, changes: ChangeHub, events: any AttemptEvents,
        machine: BuildMachine, elapsedMilliseconds: Int64
    ) {
        self.build = build
        self.token = token
        self.link = link
        self.ports = ports
        self.store = store
        self.changes = changes
        self.events = events
        marked = build.state
        order = AttemptStart(ports: ports, build: build, token: token)
        self.machine = machine
        intake = LogIntake(build, token, host: link.host.name, ports)
        deadline = AttemptDeadline(
            build.limits, ports.limits.deadlines, elapsedMilliseconds: elapsedMilliseconds,
            now: ports.clock.monotonicMilliseconds())
        if let reason = machine.cancelReason {
            deadline.cancelled(reason, at: ports.clock.monotonicMilliseconds())
        }
        templateSHA256 = build.plan.template.sha256
        log = Logger("build", LogIDs(build: build.id, attempt: token.text, host: link.host.name))
    }

    func post(_ event: BuildEvent) {
        deadline.note(event, at: ports.clock.monotonicMilliseconds())
        for effect in machine.handle(event) {
            if case .note(let phase) = effect {
                note(phase)
            } else {
                effects.append(effect)
            }
        }
        watchDeadline()
        guard working == nil, !effects.isEmpty else { return }
        working = Task { await LogIDs.$current.withValue(ids) { await self.work() } }
    }

    func watchDeadline() {
        let due = isStopping ? nil : deadline.due(in: machine.stage)
        alarm.set(due, ports.clock) { [weak self] in await self?.checkDeadline() }
    }

    private func checkDeadline() {
        let now = ports.clock.monotonicMilliseconds()
        guard !isStopping, let due = deadline.due(in: machine.stage), due <= now else { return }
        let fault = deadline.fault(in: machine.stage, host: host.name, at: now)
        log.warning(fault.reason)
        post(.failed(fault))
    }

    /// Not queued: however often an agent reports, only the newest phase is kept.
    private func note(_ phase: Phase) {
        let isNoting = newestPhase != nil
        newestPhase = phase
        guard !isNoting else { return }
        Task {
            while let phase = newestPhase {
                await report(phase.detail ?? phase.state.rawValue)
                if newestPhase == phase { newestPhase = nil }
            }
        }
    }

    /// Stops effects that can be resumed later, and returns once those that must not be interrupted
    /// have ended: a publication between its renames, a row that is being written. Nothing is
    /// retried.
    func stop() async {
        isStopping = true
        watchDeadline()
        while working != nil || transfer != nil {
            working?.cancel()
            transfer?.cancel()
            await working?.value
            await transfer?.value
            if working == nil { transfer = nil }
        }
    }

    /// Shows a phase to the followers.
    func report(_ phase: String) async {
        await events?.progressed(build.id, LiveDetail(phase: phase))
    }

    // MARK: Effects

    private func work() async {
        while !effects.isEmpty {
            let effect = effects.removeFirst()
            // The next leader repeats these.
            if isStopping, effect.isLong { continue }
            await carryOut(effect)
        }
        working = nil
    }

    private func carryOut(_ effect: BuildEffect) async {
        switch effect {
        case .note: break
        case .deliverTemplate: await run { await $0.deliverTemplate() }
        case .start: await start()
        case .follow: await follow()
        case .sendCancel(let reason):
            await link.send(.cancel(Cancel(attempt: token, reason: reason)))
        case .checkLog(let finished): await checkLog(finished)
        case .resetLog: try? await ports.logs.reset(token)
        case .advance(let state): await advance(state)
        case .collect(let finished): await run { await $0.collect(finished) }
        case .publish(let finished): await run { await $0.publish(finished) }
        case .relinquish: await relinquish()
        case .end(let end, let image): await finish(end, image)
        }
    }

    private func run(_ body: @escaping @Sendable (isolated BuildSession) async -> Void) async {
        transfer?.cancel()
        await transfer?.value
        transfer = Task { await LogIDs.$current.withValue(ids) { await body(self) } }
    }

    private func deliverTemplate() async {
        do {
            try await ports.gateway.deliver(build.plan.template, to: host)
            link.delivered(template: templateSHA256)
            post(.templateDelivered)
        } catch {
            guard !Task.isCancelled else { return }
            let why = "cannot deliver the template to \(host.name): \(error)"
            post(.failed(Fault(.infrastructure, .hostError, why)))
        }
    }

    private func start() async {
        var start: Start?
        await persist("read the secrets of the build") {
            do {
                start = try await order.message(to: host, link.report)
            } catch let fault as Fault { post(.failed(fault)) }
        }
        if let start { await link.send(.start(start)) }
    }

    func follow() async {
        let cursor = (try? await ports.logs.sizeBytes(token)) ?? 0
        await link.send(.follow(Follow(attempt: token, cursor: cursor)))
    }

    private func checkLog(_ finished: Finished) async {
        await events?.leftHost(self)
        let end = await persist("seal the log") {
            let size = try await self.ports.logs.sizeBytes(self.token)
            guard size >= finished.logBytes else {
                // Requested again after a pause: the rest may be in flight, or the disk may be
                // full.
                try await self.ports.clock.sleep(
                    milliseconds: self.ports.limits.retryFirstMilliseconds)
                return self.post(.logIncomplete)
            }
            let digest = try await self.ports.logs.seal(self.token)
            self.post(
                .logChecked(
                    matches: size == finished.logBytes && digest == finished.logSHA256))
        }
        if case .impossible(let error) = end {
            let why = "the log cannot be stored: \(error)"
            post(.failed(Fault(.infrastructure, .logMismatch, why)))
        }
    }

    private func advance(_ state: BuildState) async {
        if !(await mark(state)) {
            // Another attempt or another coordinator owns the build: no further effect of this one
            // may become visible.
            effects = []
            post(.superseded)
        }
    }

    /// - Returns: whether the store confirms that this attempt owns the build and that this
    ///   coordinator leads.
    private func mark(_ state: BuildState) async -> Bool {
        marked = state
        var isOwner = false
        await persist("record the state") {
            let change = BuildChange(
                build: self.build.id, from: [.building, .collecting, .publishing, .testing],
                owner: self.token, to: state,
                atMilliseconds: self.ports.clock.unixMilliseconds())
            guard let changed = try await self.store.apply(change) else { return }
            isOwner = true
            await self.events?.advanced(changed)
        }
        return isOwner
    }

    private func finish(_ end: AttemptEnd, _ published: PublishedImage?) async {
        transfer?.cancel()
        await transfer?.value
        let image = if let published { published } else { await earlierPromotion(end) }
        var end = await FailureReport(ports, build.id, token).explained(end)
        if image == nil, let maker = maker(ofWithdrawn: end), await mark(marked) {
            // Withdrawn first, so that no crash leaves an image without a row. Also done if no
            // artifact is known: an earlier coordinator may have pulled or moved one before it was
            // killed.
            let withdrawn = await persist("withdraw the image") {
                try await self.ports.webRoot.withdraw(maker, of: self.build)
            }
            switch withdrawn {
            case .done: break
            case .impossible(let error):
                end.outcome.fault?.reason += "; its files have to be removed by hand: \(error)"
            case .stopped, .deposed: return
            }
        }
        if let evidence = end.evidence {
            switch await persist(
                "store the evidence of the guest",
                { try await ports.logs.keep(evidence.bounded, of: token) })
            {
            case .done, .impossible: break
            case .stopped, .deposed: return
            }
        }
        let record = end
        await persist("record the end") { try await self.events?.ended(self, record, image) }
        if isSetAside { await relinquish() }
    }

    /// The attempt whose image must be withdrawn at this end.
    private func maker(ofWithdrawn end: AttemptEnd) -> AttemptToken? {
        guard build.stage == .test else { return token }
        return end.rejectsImage ? build.image?.attempt : nil
    }

    /// Leaves the image, and the attempt if there is a new leader, to the new owner of the build.
    private func relinquish() async {
        transfer?.cancel()
        await transfer?.value
        if !isDeposed { await events?.superseded(self) }
    }

    /// Retries until it succeeds, and shows what it waits for to followers.
    @discardableResult
    func persist(_ what: String, _ body: () async throws -> Void) async -> Persistence {
        guard isStopping || !Task.isCancelled else { return .stopped }
        let end = await ports.persisting(
            what, log, isStopping: { isStopping }, report: { await report($0) }, body)
        switch end {
        case .deposed: isDeposed = true
        case .impossible(let error as StoreError) where error.code == .unusable: isSetAside = true
        default: break
        }
        return end
    }
}
