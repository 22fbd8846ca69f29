import BuildProtocol
import CoordinatorCore
import Support

/// One attempt, from its claim to its end: runs the `BuildMachine` and carries out its effects, in
/// order, one at a time. Transfers run beside, so that a wish to cancel is not kept waiting.
actor BuildSession {
    nonisolated let token: AttemptToken
    nonisolated let templateSHA256: String
    nonisolated let build: Build
    nonisolated let host: Host
    private let monitor: HostMonitor
    let ports: Ports
    let coordinator: Coordinator
    private let epoch: Int64
    private var machine: BuildMachine
    private var effects: [BuildEffect] = []
    /// The state that was recorded last.
    private var marked: BuildState
    private var isDeposed = false
    private var working: Task<Void, Never>?
    private var isStopping = false
    private var newestPhase: Phase?
    private var transfer: Task<Void, Never>?
    private let log: Logger

    init(
        build: Build, token: AttemptToken, host: Host, monitor: HostMonitor, ports: Ports,
        coordinator: Coordinator, epoch: Int64, machine: BuildMachine
    ) {
        self.build = build
        self.token = token
        self.host = host
        self.monitor = monitor
        self.ports = ports
        self.coordinator = coordinator
        self.epoch = epoch
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

    /// Not queued: a chatty agent costs nothing but the newest phase.
    private func note(_ phase: Phase) {
        let isNoting = newestPhase != nil
        newestPhase = phase
        guard !isNoting else { return }
        Task {
            while let phase = newestPhase {
                let words = phase.detail ?? phase.state.rawValue
                await coordinator.note(
                    build.id, phase: words.prefixOfUTF8(ports.limits.reasonBytes))
                if newestPhase == phase { newestPhase = nil }
            }
        }
    }

    /// Ends what can be taken up again later, and returns when what cannot be cut is done: a
    /// publication between its renames, a row that is being written. Nothing is tried again.
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

    /// A piece of the log. Answered with a rewind where it does not start at the file's end.
    func received(_ chunk: LogChunk) async {
        guard machine.stage != .settled else { return }
        do {
            let bytes = Array(chunk.data.utf8)
            // The agent keeps to the limit; what sends on and on is none, and fills the disk here.
            let limit = build.limits.logBytes + ports.limits.logSlackBytes
            guard chunk.cursor <= limit - Int64(bytes.count) else {
                let why =
                    "host \(host.name) sends more log than the \(build.limits.logBytes) bytes "
                    + "that the build may have: check its agent"
                return post(.failed(Fault(.infrastructure, .hostError, why)))
            }
            let size = try await ports.logs.append(token, at: chunk.cursor, bytes)
            if size < chunk.cursor + Int64(bytes.count) {
                log.warning("log gap at \(size), the agent sent \(chunk.cursor): asking again")
                await monitor.send(.follow(Follow(attempt: token, cursor: size)))
            }
            await coordinator.changes.bump(build.id)
        } catch {
            // The disk of the log store is full or broken. The agent keeps the log; ask again.
            log.error("cannot store the log: \(error)")
            await coordinator.note(build.id, phase: "waiting: cannot store the log: \(error)")
            // Beside the host's pump, so that its other builds are not kept waiting.
            Task {
                try? await ports.sleep(milliseconds: ports.limits.retryFirstMilliseconds)
                await self.follow()
            }
        }
    }

    // MARK: Effects

    private func work() async {
        while !effects.isEmpty {
            let effect = effects.removeFirst()
            // The next coordinator begins these anew.
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
            await monitor.send(.start(Start(build, as: token, url: ports.webRoot.url)))
        case .follow: await follow()
        case .sendCancel(let reason):
            await monitor.send(.cancel(Cancel(attempt: token, reason: reason)))
        case .checkLog(let finished): await checkLog(finished)
        case .resetLog: try? await ports.logs.reset(token)
        case .advance(let state): await advance(state)
        case .collect(let finished): await run { await $0.collect(finished) }
        case .publish(let finished): await run { await $0.publish(finished) }
        case .giveWay: await giveWay()
        case .settle(let end, let image): await settle(end, image)
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
            await monitor.delivered(template: templateSHA256)
            post(.templateDelivered)
        } catch {
            guard !Task.isCancelled else { return }
            let why = "cannot deliver the template to \(host.name): \(error)"
            post(.failed(Fault(.infrastructure, .hostError, why)))
        }
    }

    private func follow() async {
        let cursor = (try? await ports.logs.sizeBytes(token)) ?? 0
        await monitor.send(.follow(Follow(attempt: token, cursor: cursor)))
    }

    private func checkLog(_ finished: Finished) async {
        await persist("seal the log") {
            let size = try await self.ports.logs.sizeBytes(self.token)
            guard size >= finished.logBytes else {
                // Asked for again in a moment: it may be on its way, or the disk may be full.
                try await self.ports.sleep(
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
            // Another attempt or another coordinator has the build: nothing of this one may be
            // seen any more.
            effects = []
            post(.superseded)
        }
    }

    /// - Returns: whether the store knows this attempt as the build's, and this coordinator as the
    ///   leader.
    private func mark(_ state: BuildState) async -> Bool {
        marked = state
        var isOwner = false
        await persist("record the state") {
            let change = BuildChange(
                build: self.build.id, from: [.building, .collecting, .publishing, .testing],
                owner: self.token, to: state,
                atMilliseconds: self.ports.environment.unixMilliseconds(), epoch: self.epoch)
            guard let changed = try await self.ports.store.apply(change) else { return }
            isOwner = true
            await self.coordinator.updated(changed)
        }
        return isOwner
    }

    private func settle(_ end: AttemptEnd, _ image: PublishedImage?) async {
        transfer?.cancel()
        await transfer?.value
        if image == nil, let maker = maker(ofWithdrawn: end), await mark(marked) {
            // First, so that no crash leaves an image that no row knows. Also where no artifact is
            // known: an earlier coordinator may have pulled, or moved, one before it was killed.
            let isDone = await persist("take the image back") {
                try await self.ports.webRoot.withdraw(maker, of: self.build)
            }
            guard isDone else { return }
        }
        if let evidence = end.evidence {
            let isKept = await persist("keep what was seen of the guest") {
                try await self.ports.logs.keep(evidence.bounded, of: self.token)
            }
            guard isKept else { return }
        }
        let isRecorded = await persist("record the end") {
            try await self.coordinator.settle(self, end, image)
        }
        // The host must keep what the next coordinator will ask for.
        if isRecorded { await monitor.release(self) }
    }

    /// The attempt whose image nobody shall have after this end.
    private func maker(ofWithdrawn end: AttemptEnd) -> AttemptToken? {
        guard build.stage == .test else { return token }
        return end.judgesImage ? build.image?.attempt : nil
    }

    /// Whoever has the build now looks after its image; a new leader, after the attempt too.
    private func giveWay() async {
        transfer?.cancel()
        await transfer?.value
        guard !isDeposed else { return }
        await coordinator.gaveWay(self)
        await monitor.release(self)
    }

    /// Does it until it is done: what is down or full is waited for, and shown to the person who
    /// waits. Ends early when the task is cancelled, and after one last try when all of it stops.
    /// - Returns: whether it is done; not when this coordinator was deposed, either.
    @discardableResult
    func persist(_ what: String, _ body: () async throws -> Void) async -> Bool {
        var backoff = ports.backoff()
        while isStopping || !Task.isCancelled {
            do {
                try await body()
                return true
            } catch StoreError.deposed(let lease) {
                // What this coordinator did is the new leader's now.
                log.warning("cannot \(what): \(StoreError.deposed(lease))")
                isDeposed = true
                return false
            } catch {
                log.error("cannot \(what): \(error)")
                if isStopping { return false }
                await coordinator.note(build.id, phase: "waiting: cannot \(what): \(error)")
                try? await ports.sleep(milliseconds: backoff.next())
            }
        }
        return false
    }
}
