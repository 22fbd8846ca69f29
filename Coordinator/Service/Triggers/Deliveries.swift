import MetricsKit
import BuildProtocol
import CoordinatorCore
import Support

/// Handles what hooks delivered: the changes of one project in order, those of different projects
/// at once. Every delivery is in the store, so that a coordinator that ends in between loses none;
/// handling one twice is harmless, because builds have the same id each time.
public actor Deliveries {
    private let ports: Ports
    private let store: any DeliveryWriter
    private let trigger: ReportTrigger
    private nonisolated let looks: Repetition
    let requests: RequestTrigger
    /// Hears of each delivery that has ended.
    private var onEnd: @Sendable (Delivery) -> Void = { _ in }
    /// The projects whose deliveries are being handled.
    private var running: [String: Task<Void, Never>] = [:]
    /// By project: the store did not take what came of a delivery.
    private var blockedUntil: [String: Int64] = [:]
    private var nextCleanUp: Int64 = 0
    private let log = Logger("triggers")

    init(
        ports: Ports, store: any DeliveryWriter, trigger: ReportTrigger, requests: RequestTrigger
    ) {
        self.ports = ports
        self.store = store
        self.trigger = trigger
        looks = Repetition(ports.clock)
        self.requests = requests
    }

    private var isStopping: Bool { looks.isStopping }

    // MARK: Life

    func start(onEnd: @escaping @Sendable (Delivery) -> Void) {
        self.onEnd = onEnd
        looks.start { await self.look() }
    }

    /// What has begun is finished: it may be in the middle of a fetch, which is limited.
    func stop() async {
        await looks.stop()
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
        // It holds this.
        onEnd = { _ in }
    }

    /// There may be a new delivery.
    public nonisolated func wake() { looks.wake() }

    private func look() async -> Int64 {
        do { try await begin() } catch {
            // The next look comes soon; a deposed coordinator is being stopped.
            if !isStopping { log.warning("cannot read the deliveries of hooks: \(error)") }
        }
        // Standbys store deliveries too, and further tries become due.
        return ports.limits.deliveryLookMilliseconds
    }

    /// Whatever the retention policy says: nobody needs old ones, and a busy hook makes many.
    private func cleanUp() async throws {
        let now = ports.clock.unixMilliseconds()
        guard now >= nextCleanUp else { return }
        nextCleanUp = now + ports.limits.deliveryCleanUpMilliseconds
        let monotonic = ports.clock.monotonicMilliseconds()
        blockedUntil = blockedUntil.filter { $0.value > monotonic }
        let begin = now - Int64(ports.limits.deliveryDays) * Retention.dayMilliseconds
        let limit = ports.limits.pageRows
        while try await store.removeDeliveries(
            before: begin, keep: ports.limits.deliveriesKept, limit: limit) == limit, !isStopping
        {}
    }

    private func begin() async throws {
        try await cleanUp()
        var after: Int?
        // One project may have more than fit a page.
        for _ in 0..<ports.limits.deliveryPages {
            let due = try await ports.store.dueDeliveries(
                atMilliseconds: ports.clock.unixMilliseconds(), after: after,
                limit: ports.limits.pageRows)
            for (place, deliveries) in Self.byProject(due) { begin(place, deliveries) }
            after = due.last?.id
            guard due.count == ports.limits.pageRows else { return }
        }
    }

    private func begin(_ place: String, _ deliveries: [Delivery]) {
        guard running.count < ports.limits.deliveriesAtOnce, !isStopping, running[place] == nil,
            blockedUntil[place, default: .min] <= ports.clock.monotonicMilliseconds()
        else { return }
        running[place] = Task {
            let isDone = await handle(deliveries)
            running[place] = nil
            // What could not even be recorded as failed would be tried at once, for ever.
            blockedUntil[place] =
                isDone
                ? nil
                : ports.clock.monotonicMilliseconds() + ports.limits.deliveryRetryMilliseconds
            if isDone { looks.wake() }
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

    /// - Returns: `false` if the store failed.
    private func handle(_ deliveries: [Delivery]) async -> Bool {
        for (place, delivery) in deliveries.enumerated() {
            if isStopping { return true }
            do {
                if let newer = delivery.coveringPush(among: deliveries.dropFirst(place + 1)) {
                    try await end(
                        delivery, .ignored,
                        "delivery \(newer.id) reports a later push to \(delivery.ref)")
                } else {
                    try await handle(delivery)
                }
            } catch {
                log.warning("cannot handle delivery \(delivery.id): \(error)")
                return false
            }
        }
        return true
    }

    private func handle(_ delivery: Delivery) async throws {
        if let request = delivery.request { return try await handle(request, of: delivery) }
        guard let source = ports.hooks.first(where: { $0.name == delivery.hook }) else {
            return try await end(
                delivery, .ignored, "coordinator.yml has no hook \(delivery.hook) any more")
        }
        var outcome = ReportTrigger.Outcome()
        var broken: [BrokenImage] = []
        do {
            for (index, report) in delivery.reports.enumerated() {
                let part = try await trigger.handle(report, of: delivery, from: source)
                outcome.builds += part.builds
                outcome.reasons += part.reasons
                outcome.problems += part.problems
                broken += part.broken.map {
                    BrokenImage(guestOS: $0.guestOS, why: $0.why, report: index)
                }
                outcome.cancelled += part.cancelled
                outcome.needsApproval = outcome.needsApproval || part.needsApproval
            }
        } catch let error where Self.isOfDelivery(error) {
            return try await retry(delivery, error)
        }
        for report in delivery.reports { try await endOlder(than: delivery, report) }
        var ended = delivery
        ended.builds = outcome.builds
        ended.broken =
            broken.isEmpty ? nil : Array(broken.prefix(ports.limits.brokenImagesOfDelivery))
        // Several guest OSes of one repository often have the same.
        let reasons = (outcome.problems + outcome.reasons).unique().joined(separator: "; ")
        if outcome.needsApproval {
            return try await end(
                ended, .awaitingApproval,
                "the merge request comes from another project, and a template is code: read it, "
                    + "then run: aibuild deliveries approve \(delivery.id)")
        }
        let isHandled = !outcome.builds.isEmpty || outcome.cancelled > 0
        let otherwise: Delivery.State = outcome.problems.isEmpty ? .ignored : .failed
        try await end(ended, isHandled ? .handled : otherwise, reasons)
    }

    /// Whether an error counts as a try of the delivery. Otherwise the store does not answer, or
    /// another coordinator leads.
    static func isOfDelivery(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError: false
        case let error as StoreError: error.isPermanent
        default: true
        }
    }

    /// Ends the deliveries of the same merge request that wait for an approval, or for another try:
    /// they are of a commit that nobody asks for any more.
    private func endOlder(than delivery: Delivery, _ report: GitReport) async throws {
        guard let number = report.mergeRequest?.number else { return }
        let waiting = try await ports.store.deliveries(
            DeliveryFilter(hook: delivery.hook, states: [.awaitingApproval, .queued]),
            limit: ports.limits.pageRows)
        for var older in waiting where older.id < delivery.id {
            let isSame = older.reports.contains {
                $0.project == report.project && $0.mergeRequest?.number == number
            }
            guard isSame else { continue }
            older.state = .ignored
            older.outcome = "delivery \(delivery.id) is of the same merge request, and newer"
            _ = try await store.update(older, from: [.awaitingApproval, .queued])
        }
    }

    /// The repository cannot be reached now, or something else is in the way.
    func retry(_ delivery: Delivery, _ fault: any Error) async throws {
        var again = delivery
        again.tries += 1
        guard again.tries < ports.limits.deliveryTries else {
            return try await end(
                again, .failed,
                "\(fault). Tried \(again.tries) times. When it can be reached, run: aibuild "
                    + "deliveries replay \(delivery.id)")
        }
        let delay = Backoff.delay(
            afterTries: again.tries, first: ports.limits.deliveryRetryMilliseconds,
            longest: ports.limits.deliveryRetryLongestMilliseconds)
        again.notBeforeMilliseconds = ports.clock.unixMilliseconds() + delay
        again.outcome = "\(fault)".prefixOfUTF8(ports.limits.reasonBytes)
        log.warning("delivery \(delivery.id) of \(delivery.hook) is tried again: \(fault)")
        _ = try await store.update(again, from: [.queued])
        ports.metrics.add(FarmMetric.deliveries, [delivery.hook, "retried"])
    }

    func end(
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
        ports.metrics.add(FarmMetric.deliveries, [delivery.hook, state.rawValue])
        onEnd(ended)
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

extension [String] {
    /// Each once, in order.
    fileprivate func unique() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
