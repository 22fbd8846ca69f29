/// The writes of an in-memory store, each fenced by the epoch.
struct InMemoryLeader: LeaderStore {
    let store: InMemoryStore
    let epoch: LeaseEpoch
    var entries: [AuditEntry] = []

    func recording(_ entries: [AuditEntry]) -> InMemoryLeader {
        InMemoryLeader(store: store, epoch: epoch, entries: self.entries + entries)
    }

    private func write<T: Sendable>(
        _ body: @Sendable (inout InMemoryTables) throws -> T
    ) async throws -> T {
        try await write(body) { _ in entries }
    }

    /// A write that may find nothing to change.
    private func step<T: Sendable>(
        _ body: @Sendable (inout InMemoryTables) throws -> T?
    ) async throws -> T? {
        try await write(body) { $0 == nil ? [] : entries }
    }

    private func write<T: Sendable>(
        _ body: @Sendable (inout InMemoryTables) throws -> T,
        recording entries: @Sendable (T) -> [AuditEntry]
    ) async throws -> T {
        try await store.write(epoch) { tables in
            let result = try body(&tables)
            for entry in entries(result) { tables.record(entry) }
            return result
        }
    }

    // MARK: Builds

    func enqueue(_ build: NewBuild) async throws -> Build {
        try await write {
            (isNew: $0.builds[build.id] == nil, build: try $0.enqueue(build))
        } recording: { stored in
            stored.isNew ? entries.map { $0.naming(stored.build) } : []
        }.build
    }

    func apply(_ change: BuildChange) async throws -> Build? {
        try await step { $0.apply(change) }
    }

    func requestCancel(build id: String) async throws -> Build? {
        try await step { $0.builds.requestCancel(id) }
    }

    func setPinned(_ isPinned: Bool, build id: String) async throws -> Build? {
        try await step { $0.builds.setPinned(isPinned, id) }
    }

    func beginPrune(build id: String, atMilliseconds: Int64) async throws -> Build? {
        try await step { $0.beginPrune(id, atMilliseconds: atMilliseconds) }
    }

    func endPrune(build id: String) async throws { try await write { $0.builds.endPrune(id) } }

    func apply(_ change: AccessChange) async throws {
        try await write { try $0.access.apply(change) }
    }

    // MARK: Hosts

    func add(_ host: Host) async throws { try await write { try $0.add(host) } }

    func update(_ host: Host) async throws { try await write { try $0.update(host) } }

    func setDrain(_ drain: HostDrain?, host: String) async throws {
        try await write { try $0.setDrain(drain, host: host) }
    }

    func removeHost(_ name: String) async throws { try await write { try $0.removeHost(name) } }

    // MARK: Catalog

    func add(_ guestOS: GuestOS) async throws { try await write { try $0.catalog.add(guestOS) } }

    func update(_ guestOS: GuestOS) async throws {
        try await write { try $0.catalog.update(guestOS) }
    }

    func add(_ testCase: TestCase) async throws { try await write { try $0.catalog.add(testCase) } }

    func define(_ testCase: TestCase) async throws {
        try await write { try $0.catalog.define(testCase) }
    }

    func rename(_ kind: RegisteredKind, _ name: String, to new: String) async throws {
        try await write { try $0.rename(kind, name, to: new) }
    }
    func removeGuestOS(named name: String) async throws {
        try await write { try $0.removeGuestOS(named: name) }
    }
    func removeTestCase(id: String) async throws {
        try await write { try $0.catalog.removeTestCase(id: id) }
    }

    func register(_ batch: RegistryBatch) async throws {
        try await write { try $0.register(batch) }
    }

    // MARK: Releases

    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await write { try $0.releases.add(environment, secret) }
    }

    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await write { try $0.releases.update(environment, secret) }
    }

    func removeEnvironment(named name: String) async throws {
        try await write { try $0.releases.removeEnvironment(named: name) }
    }

    func add(_ release: Release) async throws { try await write { $0.releases.add(release) } }

    func apply(_ change: ReleaseChange) async throws -> Release? {
        try await step { $0.releases.apply(change) }
    }

    func requestCancel(release id: String) async throws -> Release? {
        try await step { $0.releases.requestCancel(id) }
    }

    func claim(_ name: ReleaseName) async throws -> ReleaseName {
        try await write { $0.releases.claim(name) }
    }

    func give(_ name: ReleaseName) async throws { try await write { $0.releases.give(name) } }

    // MARK: Secrets

    func put(_ secret: FarmSecret, value: Secret?) async throws {
        try await write { try $0.secrets.put(secret, value) }
    }

    func removeSecret(named name: String) async throws {
        try await write { try $0.secrets.remove(name) }
    }

    func rotateKey(isNew: Bool) async throws -> KeyRotation {
        try await write { _ in
            KeyRotation()
        } recording: { _ in
            []
        }
    }

    // MARK: Historic tables

    func record(_ entry: BuildLogEntry) async throws -> BuildLogEntry {
        try await write { $0.record(entry) }
    }

    func record(_ test: HistoricTest) async throws { try await write { $0.historic.record(test) } }

    func record(_ release: HistoricRelease) async throws {
        try await write { $0.historic.record(release) }
    }

    // MARK: Audit

    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { $0.removeAudit(before: milliseconds, limit: limit) }
    }

    func removeHistory(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { $0.removeHistory(before: milliseconds, limit: limit) }
    }

    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool {
        try await write {
            $0.deliveries.update(delivery, from: states)
        } recording: { isUpdated in
            isUpdated ? entries : []
        }
    }

    func removeDeliveries(
        before milliseconds: Int64, keep: Int, limit: Int
    ) async throws -> Int {
        try await write { $0.deliveries.remove(before: milliseconds, keep: keep, limit: limit) }
    }

    func set(_ state: RetentionState) async throws { try await write { $0.retention = state } }

    // MARK: Statuses of commits

    func oweStatus(ofBuild id: String) async throws { try await write { $0.statuses.owe(id) } }

    func postpone(_ status: StatusObligation) async throws {
        try await write { $0.statuses.postpone(status) }
    }

    func settle(_ status: StatusObligation) async throws {
        try await write { $0.statuses.settle(status) }
    }

    func save(_ state: TriggerState) async throws -> TriggerState? {
        try await step { $0.save(state) }
    }

    func record(_ removal: RecordedImage) async throws {
        try await write { $0.images.record(removal) }
    }

    // MARK: Notifications

    func add(_ notifications: [OwedNotification]) async throws {
        try await write { $0.notifications.add(notifications) }
    }

    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws {
        try await write { $0.notifications.settle(ids, sent: sentMilliseconds) }
    }

    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { $0.notifications.giveUp(before: milliseconds, limit: limit) }
    }

    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { $0.notifications.remove(before: milliseconds, limit: limit) }
    }
}
