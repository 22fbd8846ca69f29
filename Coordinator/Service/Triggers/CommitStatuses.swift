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
        } catch {
            if !isStopping { log.warning("cannot look for statuses that were not sent: \(error)") }
        }
    }

    /// A build has changed.
    func note(_ build: Build) async {
        guard isWanted(build) else { return }
        do {
            try await ports.retrying {
                try await store.oweStatus(ofBuild: build.id)
            } unless: { error in
                if isStopping || (error as? StoreError)?.code == .deposed { throw error }
            }
        } catch {
            // The next leader has it sent.
            log.about(LogIDs(build: build.id)).warning("cannot note its status: \(error)")
        }
        looks.wake()
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
        do { try await sendDue() } catch {
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

    private func send(_ due: StatusObligation) async {
        var isRequested = false
        do {
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
            }
            said.remove(due.build)
            try await store.settle(due)
        } catch let fault as StatusFault {
            await failed(due, fault)
        } catch let fault as RequestQueueFault where isRequested {
            await failed(due, fault)
        } catch {
            // The store, or a coordinator that is deposed: the next leader goes on.
            about(due).warning("cannot send its status: \(error)")
            await failed(due, StatusFault(.unavailable, "\(error)"))
        }
    }

    private func about(_ due: StatusObligation) -> Logger {
        log.about(LogIDs(build: due.build))
    }

    /// An answer that the queue's server refuses is tried as often as the status of a commit. While
    /// the server is away it waits.
    private func failed(_ due: StatusObligation, _ fault: RequestQueueFault) async {
        var later = due
        later.tries += fault.isPermanent ? 1 : 0
        let isOver = later.tries >= ports.limits.statusTries
        if isOver { about(due).warning("\(fault); its answer is given up") }
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
            about(due).warning("\(fault)" + (isOver ? "; its status is given up" : ""))
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
            about(due).warning("cannot note its status: \(error)")
            // Otherwise the loop would try at once again.
            try? await ports.clock.sleep(milliseconds: ports.limits.retryFirstMilliseconds)
        }
    }
}

extension Build {
    var isRequested: Bool { plan.origin?.request != nil }
}
