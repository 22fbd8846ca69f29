import BuildProtocol
public import CoordinatorCore
import Support

/// Handles what hooks delivered: the changes of one project in order, those of different projects
/// at once. Every delivery is in the store, so that a coordinator that ends in between loses none;
/// handling one twice is harmless, because builds have the same id each time.
public actor Deliveries {
    private let ports: Ports
    private let store: any DeliveryWriter
    private let trigger: ReportTrigger
    private let wakeup = Wakeup()
    private var loop: Task<Void, Never>?
    private var poll: Task<Void, Never>?
    /// The projects whose deliveries are being handled.
    private var running: [String: Task<Void, Never>] = [:]
    private var nextCleanUp: Int64 = 0
    private var isStopping = false
    private let log = Logger("triggers")

    init(ports: Ports, store: any DeliveryWriter, trigger: ReportTrigger) {
        self.ports = ports
        self.store = store
        self.trigger = trigger
    }

    // MARK: Life

    func start() {
        wakeup.raise()
        loop = Task { await run() }
        // Standbys store deliveries too, and further tries become due.
        poll = Task { [ports, wakeup] in
            while !Task.isCancelled {
                do {
                    try await ports.clock.sleep(milliseconds: ports.limits.deliveryLookMilliseconds)
                } catch { return }
                wakeup.raise()
            }
        }
    }

    /// What has begun is finished: it may be in the middle of a fetch, which is limited.
    func stop() async {
        isStopping = true
        poll?.cancel()
        wakeup.raise()
        await loop?.value
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
    }

    /// There may be a new delivery.
    public nonisolated func wake() { wakeup.raise() }

    private func run() async {
        while !isStopping {
            await wakeup.wait()
            if isStopping { return }
            do { try await begin() } catch {
                // The next look comes soon; a deposed coordinator is being stopped.
                log.warning("cannot read the deliveries of hooks: \(error)")
            }
        }
    }

    /// Whatever the retention policy says: nobody needs old ones, and a busy hook makes many.
    private func cleanUp() async throws {
        let now = ports.clock.unixMilliseconds()
        guard now >= nextCleanUp else { return }
        nextCleanUp = now + ports.limits.deliveryCleanUpMilliseconds
        let begin = now - Int64(ports.limits.deliveryDays) * Retention.dayMilliseconds
        let limit = ports.limits.pageRows
        while try await store.removeDeliveries(
            before: begin, keep: ports.limits.deliveriesKept, limit: limit) == limit, !isStopping
        {}
    }

    private func begin() async throws {
        try await cleanUp()
        let due = try await ports.store.dueDeliveries(
            atMilliseconds: ports.clock.unixMilliseconds(), limit: ports.limits.pageRows)
        for (place, deliveries) in Self.byProject(due) {
            guard running.count < ports.limits.deliveriesAtOnce, !isStopping else { return }
            guard running[place] == nil else { continue }
            running[place] = Task {
                await handle(deliveries)
                running[place] = nil
                wakeup.raise()
            }
        }
    }

    /// In order of the oldest of each.
    private static func byProject(
        _ due: [Delivery]
    ) -> [(place: String, deliveries: [Delivery])] {
        var order: [String] = []
        var found: [String: [Delivery]] = [:]
        for delivery in due {
            let place = delivery.hook + " " + delivery.project.lowercased()
            if found[place] == nil { order.append(place) }
            found[place, default: []].append(delivery)
        }
        return order.map { ($0, found[$0] ?? []) }
    }

    // MARK: Handling

    private func handle(_ deliveries: [Delivery]) async {
        for (place, delivery) in deliveries.enumerated() {
            if isStopping { return }
            do {
                if let newer = delivery.coveringPush(among: deliveries.dropFirst(place + 1)) {
                    try await end(
                        delivery, .ignored,
                        "delivery \(newer.id) reports a newer push to \(delivery.ref)")
                } else {
                    try await handle(delivery)
                }
            } catch {
                log.warning("cannot handle delivery \(delivery.id): \(error)")
                return
            }
        }
    }

    private func handle(_ delivery: Delivery) async throws {
        guard let source = ports.hooks.first(where: { $0.name == delivery.hook }) else {
            return try await end(
                delivery, .ignored, "coordinator.yml has no hook \(delivery.hook) any more")
        }
        var outcome = ReportTrigger.Outcome()
        do {
            for report in delivery.reports {
                let part = try await trigger.handle(report, of: delivery, from: source)
                outcome.builds += part.builds
                outcome.reasons += part.reasons
                outcome.cancelled += part.cancelled
                outcome.needsApproval = outcome.needsApproval || part.needsApproval
            }
        } catch let fault as TemplateFault {
            return try await retry(delivery, fault)
        }
        var ended = delivery
        ended.builds = outcome.builds
        let reasons = outcome.reasons.joined(separator: "; ")
        if outcome.needsApproval {
            return try await end(
                ended, .awaitingApproval,
                "the merge request comes from another project, and a template is code: read it, "
                    + "then run: aibuild deliveries approve \(delivery.id)")
        }
        let isHandled = !outcome.builds.isEmpty || outcome.cancelled > 0
        try await end(ended, isHandled ? .handled : .ignored, reasons)
    }

    /// The repository cannot be reached now.
    private func retry(_ delivery: Delivery, _ fault: TemplateFault) async throws {
        var again = delivery
        again.tries += 1
        guard again.tries < ports.limits.deliveryTries else {
            return try await end(
                again, .failed,
                "\(fault). Tried \(again.tries) times. When it can be reached, run: aibuild "
                    + "deliveries replay \(delivery.id)")
        }
        var backoff = Backoff(
            first: ports.limits.deliveryRetryMilliseconds,
            longest: ports.limits.deliveryRetryLongestMilliseconds)
        var delay = backoff.next()
        for _ in 1..<again.tries { delay = backoff.next() }
        again.notBeforeMilliseconds = ports.clock.unixMilliseconds() + delay
        again.outcome = "\(fault)".prefixOfUTF8(ports.limits.reasonBytes)
        log.warning("delivery \(delivery.id) of \(delivery.hook) is tried again: \(fault)")
        _ = try await store.update(again, from: [.queued])
    }

    private func end(
        _ delivery: Delivery, _ state: Delivery.State, _ outcome: String
    ) async throws {
        var ended = delivery
        ended.state = state
        ended.outcome = outcome.prefixOfUTF8(ports.limits.reasonBytes)
        let builds = ended.builds.map { "build \($0)" }
        let results = builds + (outcome.isEmpty ? [] : ["\(state.rawValue): \(outcome)"])
        let what = delivery.reports.first.map { "\($0.reason($0.commit)) in \($0.project)" }
        log.info(
            "delivery \(delivery.id) of \(delivery.hook), \(what ?? delivery.event): "
                + results.joined(separator: "; "))
        _ = try await store.update(ended, from: [.queued])
    }

    // MARK: Requests of users

    /// Handles a delivery again, as a new one.
    /// - Throws: `Refusal`, `StoreError`
    public func replay(_ delivery: Delivery, by actor: String) async throws -> Delivery {
        guard !delivery.reports.isEmpty else {
            throw Refusal(
                .conflict,
                "delivery \(delivery.id) reports no change that could be built: "
                    + delivery.outcome)
        }
        guard delivery.state != .queued else {
            throw Refusal(.conflict, "delivery \(delivery.id) has not been handled yet")
        }
        var again = Delivery(
            hook: delivery.hook, key: "replay \(ports.ids.randomID())", event: delivery.event,
            receivedMilliseconds: ports.clock.unixMilliseconds(), reports: delivery.reports,
            repeats: delivery.id, payloadBytes: delivery.payloadBytes)
        again.approvedBy = delivery.approvedBy
        let payload = try await ports.store.payload(ofDelivery: delivery.id) ?? ""
        let stored = try await ports.store.receive(again, payload: payload)
        try await ports.audit(actor, "delivery.replay", "\(delivery.id)", "as \(stored.id)")
        wake()
        return stored
    }

    /// Lets the merge request of another project be built.
    /// - Throws: `Refusal`, `StoreError`
    public func approve(_ delivery: Delivery, by actor: String) async throws -> Delivery {
        var approved = delivery
        approved.state = .queued
        approved.approvedBy = actor
        approved.outcome = ""
        guard delivery.state == .awaitingApproval,
            try await store.update(approved, from: [.awaitingApproval])
        else {
            throw Refusal(
                .conflict,
                "delivery \(delivery.id) is \(delivery.state.rawValue): only one that waits for "
                    + "approval can be approved")
        }
        try await ports.audit(
            actor, "delivery.approve", "\(delivery.id)",
            delivery.reports.first.map { $0.reason($0.commit) } ?? "")
        wake()
        return approved
    }
}

extension Delivery {
    var ref: String { reports.first?.ref ?? "" }

    /// A later delivery of a push to the same branch: the newest commit is built in any case.
    func coveringPush(among later: some BidirectionalCollection<Delivery>) -> Delivery? {
        guard reports.count == 1, let report = reports.first, report.change == .push,
            report.skip == nil
        else { return nil }
        return later.last { other in
            guard other.reports.count == 1, let newer = other.reports.first else { return false }
            return newer.change == .push && newer.skip == nil && newer.ref == report.ref
                && newer.defaultBranch == report.defaultBranch
        }
    }
}
