import BuildProtocol
import CoordinatorCore

/// The writes of one coordinator process while it leads, or believes that it does.
struct ProcessLeader: LeaderStore {
    let gate: Gate
    let door: StoreDoor
    let base: any LeaderStore

    func recording(_ entries: [AuditEntry]) -> ProcessLeader {
        ProcessLeader(gate: gate, door: door, base: base.recording(entries))
    }

    private func effect<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await gate.effect(on: .store, body)
    }

    // MARK: Builds

    func enqueue(_ build: NewBuild) async throws -> Build {
        try await effect { try await door.enqueue(build, base) }
    }
    func apply(_ change: BuildChange) async throws -> Build? {
        do { return try await effect { try await door.apply(change, base) } } catch {
            if let begin = change.begin { gate.simulation.ledger.claimUnheard(begin.token) }
            throw error
        }
    }
    func requestCancel(build: String) async throws -> Build? {
        try await effect { try await door.requestCancel(build, base) }
    }
    func setPinned(_ isPinned: Bool, build: String) async throws -> Build? {
        try await effect { try await base.setPinned(isPinned, build: build) }
    }
    func beginPrune(build: String, atMilliseconds: Int64) async throws -> Build? {
        try await effect {
            try await base.beginPrune(build: build, atMilliseconds: atMilliseconds)
        }
    }
    func endPrune(build: String) async throws {
        try await effect { try await base.endPrune(build: build) }
    }

    // MARK: Hosts and catalog

    func add(_ host: Host) async throws { try await effect { try await base.add(host) } }
    func update(_ host: Host) async throws { try await effect { try await base.update(host) } }
    func setDrain(_ drain: HostDrain?, host: String) async throws {
        try await effect { try await base.setDrain(drain, host: host) }
    }
    func removeHost(_ name: String) async throws {
        try await effect { try await base.removeHost(name) }
    }
    func add(_ guestOS: GuestOS) async throws {
        try await effect { try await base.add(guestOS) }
    }
    func update(_ guestOS: GuestOS) async throws {
        try await effect { try await base.update(guestOS) }
    }
    func add(_ testCase: TestCase) async throws {
        try await effect { try await base.add(testCase) }
    }
    func define(_ testCase: TestCase) async throws {
        try await effect { try await base.define(testCase) }
    }
    func rename(_ kind: RegisteredKind, _ name: String, to new: String) async throws {
        try await effect { try await base.rename(kind, name, to: new) }
    }
    func removeGuestOS(named name: String) async throws {
        try await effect { try await base.removeGuestOS(named: name) }
    }
    func removeTestCase(id: String) async throws {
        try await effect { try await base.removeTestCase(id: id) }
    }
    func register(_ batch: RegistryBatch) async throws {
        try await effect { try await base.register(batch) }
    }

    // MARK: Releases

    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await effect { try await base.add(environment, secret: secret) }
    }
    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await effect { try await base.update(environment, secret: secret) }
    }
    func removeEnvironment(named name: String) async throws {
        try await effect { try await base.removeEnvironment(named: name) }
    }
    func put(_ secret: FarmSecret, value: Secret?) async throws {
        try await effect { try await base.put(secret, value: value) }
    }
    func removeSecret(named name: String) async throws {
        try await effect { try await base.removeSecret(named: name) }
    }
    func rotateKey(isNew: Bool) async throws -> KeyRotation {
        try await effect { try await base.rotateKey(isNew: isNew) }
    }
    func add(_ release: Release) async throws {
        try await effect { try await base.add(release) }
    }
    func apply(_ change: AccessChange) async throws {
        try await effect { try await base.apply(change) }
    }
    func apply(_ change: ReleaseChange) async throws -> Release? {
        try await effect { try await base.apply(change) }
    }
    func requestCancel(release: String) async throws -> Release? {
        try await effect { try await base.requestCancel(release: release) }
    }
    func claim(_ name: ReleaseName) async throws -> ReleaseName {
        try await effect { try await base.claim(name) }
    }
    func give(_ name: ReleaseName) async throws {
        try await effect { try await base.give(name) }
    }

    // MARK: Historic tables

    func record(_ entry: BuildLogEntry) async throws -> BuildLogEntry {
        try await effect { try await base.record(entry) }
    }
    func record(_ test: HistoricTest) async throws {
        try await effect { try await base.record(test) }
    }
    func record(_ release: HistoricRelease) async throws {
        try await effect { try await base.record(release) }
    }
    func removeHistory(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await effect { try await base.removeHistory(before: milliseconds, limit: limit) }
    }

    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await effect { try await base.removeAudit(before: milliseconds, limit: limit) }
    }
    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool {
        try await effect { try await base.update(delivery, from: states) }
    }
    func removeDeliveries(
        before milliseconds: Int64, keep: Int, limit: Int
    ) async throws -> Int {
        try await effect {
            try await base.removeDeliveries(before: milliseconds, keep: keep, limit: limit)
        }
    }
    func oweStatus(ofBuild id: String) async throws {
        try await effect { try await base.oweStatus(ofBuild: id) }
    }
    func postpone(_ status: StatusObligation) async throws {
        try await effect { try await base.postpone(status) }
    }
    func settle(_ status: StatusObligation) async throws {
        try await effect { try await base.settle(status) }
    }
    func save(_ state: TriggerState) async throws -> TriggerState? {
        try await effect { try await base.save(state) }
    }
    func record(_ removal: RecordedImage) async throws {
        try await effect { try await base.record(removal) }
    }

    func add(_ notifications: [OwedNotification]) async throws {
        try await effect { try await base.add(notifications) }
    }
    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws {
        try await effect { try await base.settle(ids, sentMilliseconds: sentMilliseconds) }
    }
    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await effect {
            try await base.giveUpNotifications(before: milliseconds, limit: limit)
        }
    }
    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await effect {
            try await base.removeNotifications(before: milliseconds, limit: limit)
        }
    }
    func set(_ state: RetentionState) async throws {
        try await effect { try await base.set(state) }
    }
}
