import BuildProtocol
import CoordinatorCore
import Support

/// Sends the states of builds to those who started them: to the Git servers that reported their
/// commits, and to the programs that requested them by messages. The store remembers what is due,
/// so that a crash loses none; a build never waits for it.
actor CommitStatuses {
    private let ports: Ports
    private let store: any StatusWriter
    /// Why a queued build waits.
    private var waiting: @Sendable (String) async -> String? = { _ in nil }
    private let looks: Repetition
    private var hasCaughtUp = false
    /// Sends those of builds that messages requested.
    private var requests: BuildRequests?
    /// Builds of which the same problem was logged.
    private var said: Set<String> = []
    private var pending = PendingStatuses()
    private let log = Logger("triggers")

    init(ports: Ports, store: any StatusWriter) {
        self.ports = ports
        self.store = store
        looks = Repetition(ports.clock)
    }

    private var isStopping: Bool { looks.isStopping }

    func start(
        _ requests: BuildRequests, waiting: @escaping @Sendable (String) async -> String?
    ) {
        guard ports.statusSender != nil || ports.requestQueue != nil else { return }
        self.requests = requests
        self.waiting = waiting
        looks.start { await self.look() }
    }

    func stop() async { await looks.stop() }

    /// Builds that changed while the last leader ended may not be noted: a status that is sent
    /// again does no harm.
    private func catchUp() async {
        do {
            let now = ports.clock.unixMilliseconds()
            for build in try await ports.store.builds(BuildFilter(), limit: ports.limits.pageRows) {
                let ended = build.endedMilliseconds ?? now
                guard now - ended < ports.limits.statusCatchUpMilliseconds else { continue }
                await note(build)
            }
            let ended = DeliveryFilter(states: [.handled, .failed])
            for delivery in try await ports.store.deliveries(ended, limit: ports.limits.pageRows)
            where now - delivery.receivedMilliseconds < ports.limits.statusCatchUpMilliseconds {
                await note(delivery)
            }
        } catch {
            if !isStopping { log.warning("cannot look for statuses that were not sent: \(error)") }
        }
    }

    /// A build has changed.
    func note(_ build: Build) async {
        if isWanted(build) { await owe(build.id) }
    }

    /// A delivery has ended: what it found to be broken is shown.
    func note(_ delivery: Delivery) async {
        guard ports.statusSender != nil, let key = BrokenTemplate.key(delivery) else { return }
        await owe(key)
    }

    private func owe(_ key: String) async {
        do {
            try await ports.retrying {
                try await store.oweStatus(ofBuild: key)
            } unless: { error in
                if isStopping || (error as? StoreError)?.code == .deposed { throw error }
            }
        } catch {
            // The next leader has it sent.
            about(key).warning("cannot note the status of \(Self.title(key)): \(error)")
        }
        looks.wake()
    }

    private func about(_ key: String) -> Logger {
        BrokenTemplate.delivery(ofKey: key) == nil ? log.about(LogIDs(build: key)) : log
    }

    private static func title(_ key: String) -> String {
        BrokenTemplate.delivery(ofKey: key) == nil ? "build \(key)" : key
    }

    /// Requesters wait for the number and the end; a Git server shows what is between, too.
    private func isWanted(_ build: Build) -> Bool {
        if build.isRequested {
            return ports.requestQueue != nil && (build.state == .queued || build.state.isEnded)
        }
        return ports.statusSender != nil && source(of: build) != nil
    }

    private func source(of build: Build) -> HookSource? {
        guard let name = build.plan.origin?.hook else { return nil }
        return ports.hooks.first { $0.name == name && $0.token != nil && $0.server != nil }
    }

    private func look() async -> Int64 {
        if !hasCaughtUp {
            hasCaughtUp = true
            await catchUp()
        }
        do {
            try await sendDue()
            try await followReasons()
        } catch {
            if !isStopping { log.warning("cannot read whose status is due: \(error)") }
        }
        return ports.limits.deliveryLookMilliseconds
    }

    private func sendDue() async throws {
        while !isStopping {
            let due = try await ports.store.dueStatuses(
                atMilliseconds: ports.clock.unixMilliseconds(),
                limit: ports.limits.statusesAtOnce)
            if due.isEmpty { return }
            await withTaskGroup(of: Void.self) { group in
                for status in due { group.addTask { await self.send(status) } }
            }
        }
    }

    /// A build may wait for hours, and for something else than at first.
    private func followReasons() async throws {
        let now = ports.clock.monotonicMilliseconds()
        for build in pending.due(at: now, limit: ports.limits.statusReasonsAtOnce) {
            // What waits no more has changed, and is noted.
            guard let reason = await waiting(build) else {
                pending.forget(build)
                continue
            }
            if pending.isOutdated(build, reason, at: now, ports.limits) {
                try await store.oweStatus(ofBuild: build)
                looks.wake()
            }
        }
    }

    private func send(_ due: StatusObligation) async {
        var isRequested = false
        do {
            if let id = BrokenTemplate.delivery(ofKey: due.build) {
                try await BrokenTemplate(ports: ports).send(ofDelivery: id)
                said.remove(due.build)
                return try await store.settle(due)
            }
            guard let build = try await ports.store.build(id: due.build) else {
                return try await store.settle(due)
            }
            if build.isRequested, ports.requestQueue != nil {
                isRequested = true
                try await requests?.answer(build)
                said.remove(due.build)
                return try await store.settle(due)
            }
            guard
                let source = source(of: build), let server = source.server,
                let token = source.token, let sender = ports.statusSender
            else { return try await store.settle(due) }
            let waits = build.state == .queued ? await waiting(build.id) : nil
            if let status = CommitStatus(build, waiting: waits, pages: ports.pages) {
                try await sender.send(
                    status, to: source.kind, server: server.url, token: token)
                pending.sent(
                    status, of: build, at: ports.clock.monotonicMilliseconds(), ports.limits)
            }
            said.remove(due.build)
            try await store.settle(due)
        } catch let fault as StatusFault {
            await failed(due, fault)
        } catch let fault as RequestQueueFault where isRequested {
            await failed(due, fault)
        } catch {
            // The store, or a coordinator that is deposed: the next leader goes on.
            about(due.build)
                .warning("cannot send the status of \(Self.title(due.build)): \(error)")
            await failed(due, StatusFault(.unavailable, "\(error)"))
        }
    }

    /// An answer that the queue's server refuses is tried as often as the status of a commit. While
    /// the server is away it waits.
    private func failed(_ due: StatusObligation, _ fault: RequestQueueFault) async {
        var later = due
        later.tries += fault.isPermanent ? 1 : 0
        let isOver = later.tries >= ports.limits.statusTries
        if isOver { about(due.build).warning("\(fault); its answer is given up") }
        let delay = Backoff.delay(
            afterTries: fault.isPermanent ? later.tries : 5,
            first: ports.limits.statusRetryMilliseconds,
            longest: ports.limits.answerRetryLongestMilliseconds)
        await note(later, due, isOver: isOver, delay)
    }

    private func failed(_ due: StatusObligation, _ fault: StatusFault) async {
        var later = due
        later.tries += 1
        let isOver = fault.isPermanent || later.tries >= ports.limits.statusTries
        if isOver || said.insert(due.build).inserted {
            about(due.build).warning(
                "\(Self.title(due.build)): \(fault)" + (isOver ? "; its status is given up" : ""))
        }
        if said.count > ports.limits.pageRows { said.removeAll() }
        let delay = Backoff.delay(
            afterTries: later.tries, first: ports.limits.statusRetryMilliseconds,
            longest: ports.limits.statusRetryLongestMilliseconds)
        await note(later, due, isOver: isOver, delay)
    }

    private func note(
        _ later: StatusObligation, _ due: StatusObligation, isOver: Bool, _ delay: Int64
    ) async {
        var later = later
        later.notBeforeMilliseconds = ports.clock.unixMilliseconds() + delay
        do {
            if isOver { try await store.settle(due) } else { try await store.postpone(later) }
        } catch {
            about(due.build)
                .warning("cannot note the status of \(Self.title(due.build)): \(error)")
            // Otherwise the loop would try at once again.
            try? await ports.clock.sleep(milliseconds: ports.limits.retryFirstMilliseconds)
        }
    }
}

extension Build {
    var isRequested: Bool { plan.origin?.request != nil }
}
