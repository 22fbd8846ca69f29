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
    nonisolated let host: Host
    /// Its end is recorded. Used by the host's monitor alone, for which it may end before it is
    /// attached.
    nonisolated let isReleased = Atomic(false)
    private let link: HostLink
    let ports: Ports
    private let store: any BuildWriter
    private let changes: ChangeHub
    weak let events: (any AttemptEvents)?
    private var machine: BuildMachine
    private var effects: [BuildEffect] = []
    /// The state that was last recorded.
    private var marked: BuildState
    private var isDeposed = false
    private var working: Task<Void, Never>?
    private var isStopping = false
    private var newestPhase: Phase?
    /// The log will be requested again in a moment.
    private var isAskingAgain = false
    private var transfer: Task<Void, Never>?
    private let log: Logger

    init(
        build: Build, token: AttemptToken, host: Host, link: HostLink, ports: Ports,
        store: any BuildWriter, changes: ChangeHub, events: any AttemptEvents,
        machine: BuildMachine
    ) {
        self.build = build
        self.token = token
        self.host = host
        self.link = link
        self.ports = ports
        self.store = store
        self.changes = changes
        self.events = events
        marked = build.state
        self.machine = machine
        templateSHA256 = build.plan.template.sha256
        log = Logger("build \(build.guestOS)/\(build.number)")
    }

    func post(_ event: BuildEvent) {
        for effect in machine.handle(event) {
            if case .note(let phase) = effect {
                note(phase)
            } else {
                effects.append(effect)
            }
        }
        guard working == nil, !effects.isEmpty else { return }
        working = Task { await self.work() }
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
        while working != nil || transfer != nil {
            working?.cancel()
            transfer?.cancel()
            await working?.value
            await transfer?.value
            if working == nil { transfer = nil }
        }
    }

    /// Appends a chunk of the log, or requests a rewind if it does not start at the end of the
    /// file.
    func received(_ chunk: LogChunk) async {
        guard machine.stage != .ended else { return }
        do {
            let bytes = Array(chunk.data.utf8)
            // The agent enforces the limit itself. Anything beyond it comes from a faulty or
            // hostile one, and would fill the disk here.
            let limit = build.limits.logBytes + ports.limits.logSlackBytes
            guard !chunk.$cursor.isOutOfRange, chunk.cursor <= limit - Int64(bytes.count)
            else {
                let why =
                    "host \(host.name) sends more log than the \(build.limits.logBytes) bytes "
                    + "that the build may have: check its agent"
                return post(.failed(Fault(.infrastructure, .hostError, why)))
            }
            let size = try await ports.logs.append(token, at: chunk.cursor, bytes)
            if size < chunk.cursor + Int64(bytes.count) {
                log.warning(
                    "log gap at \(size), the agent sent \(chunk.cursor): requesting a rewind")
                await link.send(.follow(Follow(attempt: token, cursor: size)))
            }
            await changes.bump(build.id)
        } catch {
            // The disk of the log store is full or broken. The agent keeps the log; request it
            // again.
            log.error("cannot store the log: \(error)")
            await report("waiting: cannot store the log: \(error)")
            // One request for all pieces that are refused until then: the answers to more would be
            // refused as well, and each of them would lead to another request. Concurrently with
            // the host's message loop, so that its other builds need not wait.
            guard !isAskingAgain else { return }
            isAskingAgain = true
            Task {
                try? await ports.clock.sleep(milliseconds: ports.limits.retryFirstMilliseconds)
                isAskingAgain = false
                await self.follow()
            }
        }
    }

    /// Shows a phase to the followers.
    private func report(_ phase: String) async {
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
        case .start:
            await link.send(.start(Start(build, as: token, url: ports.webRoot.url)))
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
        transfer = Task { await body(self) }
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

    private func follow() async {
        let cursor = (try? await ports.logs.sizeBytes(token)) ?? 0
        await link.send(.follow(Follow(attempt: token, cursor: cursor)))
    }

    private func checkLog(_ finished: Finished) async {
        await events?.leftHost(self)
        await persist("seal the log") {
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
        if image == nil, let maker = maker(ofWithdrawn: end), await mark(marked) {
            // Withdrawn first, so that no crash leaves an image without a row. Also done if no
            // artifact is known: an earlier coordinator may have pulled or moved one before it was
            // killed.
            let isDone = await persist("withdraw the image") {
                try await self.ports.webRoot.withdraw(maker, of: self.build)
            }
            guard isDone else { return }
        }
        if let evidence = end.evidence {
            let isKept = await persist("store the evidence of the guest") {
                try await self.ports.logs.keep(evidence.bounded, of: self.token)
            }
            guard isKept else { return }
        }
        await persist("record the end") { try await self.events?.ended(self, end, image) }
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

    /// Retries until it succeeds. What it waits for (a service that is down, a full disk) is shown
    /// to followers. Returns early if the task is cancelled, and after one last attempt once the
    /// coordinator stops.
    /// - Returns: whether it succeeded; false also if this coordinator was deposed.
    @discardableResult
    func persist(_ what: String, _ body: () async throws -> Void) async -> Bool {
        struct GaveUp: Error {}
        guard isStopping || !Task.isCancelled else { return false }
        do {
            do {
                try await ports.retrying(body) { error in
                    log.error("cannot \(what): \(error)")
                    if (error as? StoreError)?.code == .deposed {
                        // What this coordinator did is the new leader's now.
                        isDeposed = true
                        throw GaveUp()
                    }
                    if isStopping { throw GaveUp() }
                    await report("waiting: cannot \(what): \(error)")
                }
            } catch is CancellationError where isStopping { try await body() }
            return true
        } catch { return false }
    }
}
