import MetricsKit
import BuildProtocol
public import CoordinatorCore
import Support

/// Tells people what happened, by the rules of coordinator.yml. What has to be sent is in the
/// store, so that a coordinator that ends in between loses none; no build or release waits for it,
/// nor one place for another. Each place gets at most one message in a while: what comes meanwhile
/// is sent together.
public actor Notifications {
    /// What is known of a place besides the store.
    private struct Place {
        var sending: Task<Void, Never>?
        /// Whether the store may have something for it.
        var mayWait = true
        /// On the monotonic clock.
        var notBefore = Int64.min
        /// Tries in a row that failed.
        var failures = 0
        var problem: NotificationPlaceReport.Problem?
    }

    private let ports: Ports
    private let store: any NotificationWriter
    private let ends: EndedNotifications
    private let looks: Repetition
    private var places: [String: Place] = [:]
    private var hasCaughtUp = false
    private var nextCleanUp: Int64 = 0
    private let log = Logger("notifications")

    init(ports: Ports, store: any NotificationWriter) {
        self.ports = ports
        self.store = store
        ends = EndedNotifications(ports: ports)
        looks = Repetition(ports.clock)
    }

    private var isStopping: Bool { looks.isStopping }
    private var rules: [NotificationRule] { ports.notificationRules }

    // MARK: Life

    func start() {
        guard !rules.isEmpty, ports.notificationSender != nil else { return }
        looks.start { await self.look() }
    }

    /// Interrupts what is being sent: the next leader sends it again.
    func stop() async {
        await looks.stop()
        let sending = places.values.compactMap(\.sending)
        for task in sending { task.cancel() }
        for task in sending { await task.value }
    }

    private func look() async -> Int64 {
        if !hasCaughtUp {
            hasCaughtUp = true
            await catchUp()
        }
        do { try await cleanUp() } catch {
            if !isStopping { log.warning("cannot clean up the notifications: \(error)") }
        }
        for rule in rules { begin(rule) }
        return ports.limits.notificationLookMilliseconds
    }

    /// What ended while the last leader did may not be noted; what is, is not noted again.
    private func catchUp() async {
        let begin =
            ports.clock.unixMilliseconds() - ports.limits.notificationCatchUpMilliseconds
        do {
            for build in try await ports.store.builds(
                BuildFilter(states: [.passed, .failed]), limit: ports.limits.pageRows
            ).reversed() where build.endedMilliseconds ?? 0 > begin { await ended(build) }
            for release in try await ports.store.releases(
                ReleaseFilter(states: [.released, .failed]), limit: ports.limits.pageRows
            ).reversed() where release.endedMilliseconds ?? 0 > begin { await ended(release) }
        } catch {
            if !isStopping { log.warning("cannot look for what was not noted: \(error)") }
        }
    }

    private func cleanUp() async throws {
        let now = ports.clock.unixMilliseconds()
        guard now >= nextCleanUp else { return }
        nextCleanUp = now + ports.limits.notificationCleanUpMilliseconds
        let limit = ports.limits.pageRows
        let tooLate = now - ports.limits.notificationGiveUpMilliseconds
        var givenUp = 0
        while !isStopping {
            let count = try await store.giveUpNotifications(before: tooLate, limit: limit)
            givenUp += count
            if count < limit { break }
        }
        if givenUp > 0 { log.warning("gave up \(givenUp) notifications: they are too old") }
        let old = now - ports.limits.notificationKeptMilliseconds
        while !isStopping,
            try await store.removeNotifications(before: old, limit: limit) == limit
        {}
    }

    // MARK: What happens

    /// A build has ended. Does nothing if that is noted already.
    func ended(_ build: Build) async {
        guard !rules.isEmpty, build.state.isEnded else { return }
        await note("build \(build.id)") { try await ends.notification(of: build) }
    }

    /// A release has ended, likewise.
    func ended(_ release: Release) async {
        guard !rules.isEmpty, release.state.isEnded else { return }
        await note("release \(release.id)") { try await ends.notification(of: release) }
    }

    private func note(
        _ what: String, _ read: () async throws -> Notification?
    ) async {
        do {
            try await ports.retrying {
                guard let notification = try await read() else { return }
                let owed = rules.filter { $0.wants(notification) }
                    .map { OwedNotification(place: $0.name, notification: notification) }
                guard !owed.isEmpty else { return }
                try await store.add(owed)
                for place in owed.map(\.place) { places[place, default: Place()].mayWait = true }
                looks.wake()
            } unless: { error in
                if isStopping || (error as? StoreError)?.isPermanent == true
                    || (error as? StoreError)?.code == .deposed
                {
                    throw error
                }
            }
        } catch {
            // The next leader does.
            log.warning("cannot note the end of \(what): \(error)")
        }
    }

    // MARK: Sending

    private func begin(_ rule: NotificationRule) {
        let place = places[rule.name, default: Place()]
        guard place.mayWait, place.sending == nil, !isStopping,
            place.notBefore <= ports.clock.monotonicMilliseconds()
        else { return }
        places[rule.name] = place
        places[rule.name]?.sending = Task {
            await send(by: rule)
            places[rule.name]?.sending = nil
        }
    }

    private func send(by rule: NotificationRule) async {
        places[rule.name]?.mayWait = false
        var owed: [OwedNotification] = []
        do {
            owed = try await ports.store.waitingNotifications(
                to: rule.name, limit: ports.limits.notificationsAtOnce)
            guard !owed.isEmpty, let sender = ports.notificationSender else { return }
            // There may be more.
            places[rule.name]?.mayWait = true
            let message = rule.message(owed.map(\.notification))
            try await sender.send(message, to: rule.name)
            log.info("sent to \(rule.name): \(message.title)")
            ports.metrics.add(
                FarmMetric.notifications, [rule.name, "sent"], by: Double(owed.count))
            try await settle(owed, isSent: true)
            succeeded(rule.name)
        } catch let fault as NotificationFault {
            await failed(rule, fault, owed)
        } catch {
            // The store, or a coordinator that is deposed.
            places[rule.name]?.mayWait = true
            pause(rule.name, ports.limits.notificationMilliseconds)
            if !isStopping { log.warning("cannot send to \(rule.name): \(error)") }
        }
    }

    /// What was sent and is not recorded would be sent again, so nothing goes to the place before.
    private func settle(_ owed: [OwedNotification], isSent: Bool) async throws {
        let now = ports.clock.unixMilliseconds()
        try await ports.retrying {
            try await store.settle(owed.map(\.id), sentMilliseconds: isSent ? now : nil)
        } unless: { error in
            if isStopping || (error as? StoreError)?.code == .deposed { throw error }
        }
    }

    private func pause(_ name: String, _ milliseconds: Int64) {
        places[name]?.notBefore = ports.clock.monotonicMilliseconds() + milliseconds
    }

    private func succeeded(_ name: String) {
        places[name]?.failures = 0
        places[name]?.problem = nil
        pause(name, ports.limits.notificationMilliseconds)
    }

    private func failed(
        _ rule: NotificationRule, _ fault: NotificationFault, _ owed: [OwedNotification]
    ) async {
        // It is interrupted, not at fault.
        if isStopping { return }
        let name = rule.name
        let isNew = places[name]?.problem?.text != "\(fault)"
        note(fault, of: name)
        places[name]?.failures += 1
        let tries = places[name]?.failures ?? 1
        if isNew { log.warning("cannot send to \(name): \(fault)") }
        pause(
            name,
            Backoff.delay(
                afterTries: tries, first: ports.limits.notificationMilliseconds,
                longest: ports.limits.notificationRetryLongestMilliseconds))
        let result = fault.isPermanent ? "given_up" : "failed"
        ports.metrics.add(FarmMetric.notifications, [name, result], by: Double(owed.count))
        guard fault.isPermanent else { return }
        // It refuses this message. Others may be fine.
        do {
            try await settle(owed, isSent: false)
            log.warning("gave up \(owed.count) notifications: \(name) refuses them")
        } catch { log.warning("cannot give up what \(name) refuses: \(error)") }
    }

    private func note(_ fault: NotificationFault, of name: String) {
        places[name, default: Place()].problem = NotificationPlaceReport.Problem(
            text: "\(fault)".prefixOfUTF8(ports.limits.reasonBytes),
            atMilliseconds: ports.clock.unixMilliseconds())
    }

    // MARK: For people

    /// Every place of coordinator.yml, in its order.
    public func reports() async throws -> [NotificationPlaceReport] {
        let counts = Dictionary(
            try await ports.store.notificationCounts().map { ($0.place, $0) }
        ) { first, _ in first }
        let now = ports.clock.monotonicMilliseconds()
        return rules.map { rule in
            let count = counts[rule.name] ?? NotificationCount(place: rule.name)
            let place = places[rule.name] ?? Place()
            let wait = max(0, place.notBefore == .min ? 0 : place.notBefore - now)
            return NotificationPlaceReport(
                rule: rule, waiting: count.waiting, sentMilliseconds: count.sentMilliseconds,
                problem: place.problem,
                nextTryMilliseconds: count.waiting > 0 && place.problem != nil
                    ? ports.clock.unixMilliseconds() + wait : nil)
        }
    }

    /// Sends a message that says that it is a test, at once. If it arrives, so does what waits.
    /// - Throws: `NotificationFault`
    public func test(_ rule: NotificationRule, by actor: String) async throws {
        guard let sender = ports.notificationSender else { return }
        try await ports.audit(actor, "notification.test", rule.name)
        do {
            try await sender.send(
                .test(of: rule, by: actor, id: ports.ids.randomID()), to: rule.name)
        } catch let fault as NotificationFault {
            note(fault, of: rule.name)
            throw fault
        }
        succeeded(rule.name)
        looks.wake()
    }
}
