import CoordinatorCore
import SQLKit
import Support

/// The writes of the leader of one epoch.
struct SQLLeader: LeaderStore {
    let access: SQLAccess
    let vault: SecretVault
    let epoch: LeaseEpoch

    /// Every write passes here. The transaction holds the lease's epoch until its end, so that a
    /// coordinator that was deposed while it was suspended, even before COMMIT, changes nothing.
    private func write<T: Sendable>(
        _ lostCommit: SQLAccess.LostCommit = .runsAgain,
        _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        try await access.transaction(lostCommit) { transaction in
            try LeaseTable.fence(epoch, transaction)
            return try body(transaction)
        }
    }

    // MARK: Builds

    func enqueue(_ build: NewBuild) async throws -> Build {
        try await write { try BuildTable.enqueue(build, $0) }
    }

    func apply(_ change: BuildChange) async throws -> Build? {
        try await write { try BuildTable.apply(change, $0) }
    }

    func requestCancel(build id: String) async throws -> Build? {
        try await write { try BuildTable.requestCancel(id, $0) }
    }

    func setPinned(_ isPinned: Bool, build id: String) async throws -> Build? {
        try await write { try BuildTable.setPinned(isPinned, id, $0) }
    }

    func beginPrune(build id: String, atMilliseconds: Int64) async throws -> Build? {
        try await write { try BuildTable.beginPrune(id, atMilliseconds: atMilliseconds, $0) }
    }

    func endPrune(build id: String) async throws {
        try await write { try BuildTable.endPrune(id, $0) }
    }

    func apply(_ change: AccessChange) async throws {
        try await write(.isReported) { try AccessTable.apply(change, $0) }
    }

    // MARK: Hosts

    func add(_ host: Host) async throws {
        try await write(.isReported) { try HostTable.insert(host, $0) }
    }

    func update(_ host: Host) async throws { try await write { try HostTable.update(host, $0) } }

    func setDrain(_ drain: HostDrain?, host: String) async throws {
        try await write { try HostTable.setDrain(drain, host: host, $0) }
    }

    func removeHost(_ name: String) async throws {
        try await write(.isReported) { try HostTable.remove(name, $0) }
    }

    // MARK: Catalog

    func add(_ guestOS: GuestOS) async throws {
        try await write(.isReported) { try GuestOSTable.insert(guestOS, $0) }
    }

    func update(_ guestOS: GuestOS) async throws {
        try await write { try GuestOSTable.update(guestOS, $0) }
    }

    func add(_ testCase: TestCase) async throws {
        try await write { try TestCaseTable.insert(testCase, $0) }
    }

    func define(_ testCase: TestCase) async throws {
        try await write { try TestCaseTable.define(testCase, $0) }
    }

    func rename(_ kind: RegisteredKind, _ name: String, to new: String) async throws {
        try await write {
            switch kind {
            case .guestOS: try GuestOSTable.rename(name, to: new, $0)
            case .environment: try EnvironmentTable.rename(name, to: new, $0)
            }
        }
    }

    func removeGuestOS(named name: String) async throws {
        try await write(.isReported) { try GuestOSTable.remove(name, $0) }
    }

    func removeTestCase(id: String) async throws {
        try await write(.isReported) { try TestCaseTable.remove(id, $0) }
    }

    func register(_ batch: RegistryBatch) async throws {
        try await write { transaction in
            for guestOS in batch.newGuestOSes {
                try GuestOSTable.insertOnce(guestOS, transaction)
            }
            for guestOS in batch.changedGuestOSes { try GuestOSTable.update(guestOS, transaction) }
            for entry in batch.newEnvironments {
                try EnvironmentTable.insertOnce(entry, vault, transaction)
            }
            for entry in batch.changedEnvironments {
                try EnvironmentTable.update(entry, vault, transaction)
            }
            for test in batch.newTestCases { try TestCaseTable.insertOnce(test, transaction) }
        }
    }

    // MARK: Releases

    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        let entry = EnvironmentEntry(environment: environment, secret: secret)
        try await write { try EnvironmentTable.insertOnce(entry, vault, $0) }
    }

    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        let entry = EnvironmentEntry(environment: environment, secret: secret)
        try await write { try EnvironmentTable.update(entry, vault, $0) }
    }

    func removeEnvironment(named name: String) async throws {
        try await write(.isReported) { try EnvironmentTable.remove(name, $0) }
    }

    func add(_ release: Release) async throws {
        try await write { try ReleaseTable.insertOnce(release, $0) }
    }

    func apply(_ change: ReleaseChange) async throws -> Release? {
        try await write { try ReleaseTable.apply(change, $0) }
    }

    func requestCancel(release id: String) async throws -> Release? {
        try await write { try ReleaseTable.requestCancel(id, $0) }
    }

    func claim(_ name: ReleaseName) async throws -> ReleaseName {
        try await write { try ReleaseNameTable.claim(name, $0) }
    }

    func give(_ name: ReleaseName) async throws {
        try await write { try ReleaseNameTable.give(name, $0) }
    }

    // MARK: Secrets

    func put(_ secret: FarmSecret, value: Secret?) async throws {
        try await write { try SecretTable.put(secret, value, vault, $0) }
    }

    func removeSecret(named name: String) async throws {
        try await write(.isReported) { try SecretTable.remove(name, $0) }
    }

    func rotateKey(isNew: Bool) async throws -> KeyRotation {
        // A coordinator that was deposed makes no key.
        try await write { _ in }
        guard let keys = isNew ? try vault.requiredKeys() : vault.keys else {
            return KeyRotation()
        }
        let found = try await findings(keys)
        if isNew, found.known == 0, !found.strange.isEmpty {
            throw StoreError(
                .unusable,
                "the key of this coordinator has sealed none of the \(found.strange.count) stored "
                    + "secrets: put the right one into secret_key_file first; nothing was changed")
        }
        do {
            try await OwnThread.run { try isNew ? keys.begin() : keys.reload() }
        } catch {
            throw StoreError(.unavailable, "the key cannot be changed", cause: error)
        }
        var rotation = KeyRotation()
        let older = keys.older
        guard !older.isEmpty || found.regained > 0 else {
            rotation.unreadable = found.unreadable
            return rotation
        }
        // What was sealed with an older key is committed after this: those writes hold a fence.
        try await write { try FenceTable.waitForOthers($0) }
        for resealing in Resealing.all(keys) {
            var after: String? = ""
            while let start = after {
                let page = try await write { try resealing.page(after: start, $0) }
                rotation.resealed += page.resealed
                rotation.unreadable += page.unreadable
                after = page.last
            }
        }
        // Nobody else has sealed with an older key meanwhile: only the leader writes, and it is
        // still this one.
        try await write { _ in }
        do { try await OwnThread.run { try keys.drop(older) } } catch {
            rotation.problem = "the older key is still in its file: \(error)"
        }
        return rotation
    }

    private func findings(_ keys: SealingKeys) async throws -> Resealing.Findings {
        try await write { transaction in
            try Resealing.all(keys).reduce(Resealing.Findings()) {
                try $0 + $1.findings(transaction)
            }
        }
    }

    // MARK: Historic tables

    func record(_ entry: BuildLogEntry) async throws -> BuildLogEntry {
        try await write { try BuildLogTable.insertOnce(entry, $0) }
    }

    func record(_ test: HistoricTest) async throws {
        try await write { try TestLogTable.insertOnce(test, $0) }
    }

    func record(_ release: HistoricRelease) async throws {
        try await write { try ReleaseTable.logOnce(release, $0) }
    }

    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try AuditTable.remove(before: milliseconds, limit: limit, $0) }
    }

    func removeHistory(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try HistoryTables.remove(before: milliseconds, limit: limit, $0) }
    }

    func set(_ state: RetentionState) async throws {
        try await write { try RetentionTable.set(state, $0) }
    }

    // MARK: Deliveries

    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool {
        try await write { try DeliveryTable.update(delivery, from: states, $0) }
    }

    func removeDeliveries(
        before milliseconds: Int64, keep: Int, limit: Int
    ) async throws -> Int {
        try await write {
            try DeliveryTable.remove(before: milliseconds, keep: keep, limit: limit, $0)
        }
    }

    // MARK: Statuses of commits

    func oweStatus(ofBuild id: String) async throws {
        try await write { try StatusTable.owe(id, $0) }
    }

    func postpone(_ status: StatusObligation) async throws {
        try await write { try StatusTable.postpone(status, $0) }
    }

    func settle(_ status: StatusObligation) async throws {
        try await write { try StatusTable.settle(status, $0) }
    }

    func save(_ state: TriggerState) async throws -> TriggerState? {
        try await write { try TriggerTable.save(state, $0) }
    }

    func record(_ removal: RecordedImage) async throws {
        try await write { try RemoteImageTable.record(removal, $0) }
    }

    // MARK: Notifications

    func add(_ notifications: [OwedNotification]) async throws {
        try await write { try NotificationTable.add(notifications, $0) }
    }

    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws {
        try await write { try NotificationTable.settle(ids, sent: sentMilliseconds, $0) }
    }

    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try NotificationTable.giveUp(before: milliseconds, limit: limit, $0) }
    }

    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await write { try NotificationTable.remove(before: milliseconds, limit: limit, $0) }
    }
}
