import CoordinatorCore
import SQLKit
import Support

/// The writes of the leader of one epoch.
struct SQLLeader: LeaderStore {
    let access: SQLAccess
    let vault: SecretVault
    let epoch: LeaseEpoch
    var entries: [AuditEntry] = []

    func recording(_ entries: [AuditEntry]) -> SQLLeader {
        SQLLeader(access: access, vault: vault, epoch: epoch, entries: self.entries + entries)
    }

    func write<T: Sendable>(
        _ lostCommit: SQLAccess.LostCommit = .runsAgain,
        _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        try await write(lostCommit, body) { _ in entries }
    }

    /// A write that may find nothing to change.
    func step<T: Sendable>(
        _ body: @Sendable (borrowing SQLTransaction) throws -> T?
    ) async throws -> T? {
        try await write(.runsAgain, body) { $0 == nil ? [] : entries }
    }

    /// Every write passes here. The transaction holds the lease's epoch until its end, so that a
    /// coordinator that was deposed while it was suspended, even before COMMIT, changes nothing.
    func write<T: Sendable>(
        _ lostCommit: SQLAccess.LostCommit,
        _ body: @Sendable (borrowing SQLTransaction) throws -> T,
        recording entries: @Sendable (T) -> [AuditEntry]
    ) async throws -> T {
        try await access.transaction(lostCommit) { transaction in
            try LeaseTable.fence(epoch, transaction)
            let result = try body(transaction)
            try AuditTable.insertOnce(entries(result), transaction)
            return result
        }
    }

    // MARK: Builds

    func enqueue(_ build: NewBuild) async throws -> Build {
        try await write(.runsAgain) {
            try BuildTable.enqueue(build, $0)
        } recording: { stored in
            stored.isNew ? entries.map { $0.naming(stored.build) } : []
        }.build
    }

    func apply(_ change: BuildChange) async throws -> Build? {
        try await step { try BuildTable.apply(change, $0) }
    }

    func requestCancel(build id: String) async throws -> Build? {
        try await step { try BuildTable.requestCancel(id, $0) }
    }

    func setPinned(_ isPinned: Bool, build id: String) async throws -> Build? {
        try await step { try BuildTable.setPinned(isPinned, id, $0) }
    }

    func beginPrune(build id: String, atMilliseconds: Int64) async throws -> Build? {
        try await step { try BuildTable.beginPrune(id, atMilliseconds: atMilliseconds, $0) }
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
        try await step { try ReleaseTable.apply(change, $0) }
    }

    func requestCancel(release id: String) async throws -> Release? {
        try await step { try ReleaseTable.requestCancel(id, $0) }
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

    /// Several transactions, none of which is the change as a whole.
    func rotateKey(isNew: Bool) async throws -> KeyRotation {
        try await SQLLeader(access: access, vault: vault, epoch: epoch).rotate(isNew: isNew)
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
}
