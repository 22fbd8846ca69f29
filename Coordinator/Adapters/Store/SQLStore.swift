public import BuildProtocol
public import CoordinatorCore
public import SQLKit

/// The farm's records in SQLite or MariaDB, through the same SQL.
///
/// Each method is one transaction or one statement. A connection that is lost during COMMIT leaves
/// the outcome open; a write that can tell whether it took effect then runs again, so that its
/// caller gets the right answer.
public final class SQLStore: Store, LeaseStore {
    private let access: SQLAccess
    private let vault: SecretVault
    private let plans = PlanCache()

    private init(_ access: SQLAccess, _ keys: SealingKeys?) {
        self.access = access
        vault = SecretVault(keys: keys)
    }

    /// Opens the database and brings its schema up to date.
    /// - Parameters:
    ///   - keys: seal the secrets of environments and builds; without them they are not touched.
    ///   - say: is given sentences for the operator while a migration waits for a lock.
    ///   - observe: is told of every call of the database.
    /// - Throws: `StoreError.unavailable` with a sentence that says what to do.
    public static func open(
        _ location: SQLLocation, keys: SealingKeys? = nil,
        say: @escaping @Sendable (String) -> Void = { _ in },
        observe: @escaping @Sendable (StoreCall) -> Void = { _ in }
    ) async throws -> SQLStore {
        let database = try await SQLAccess.reporting { try await SQLDatabase.open(location) }
        do {
            try await SQLAccess.reporting {
                try await SchemaUpgrade.run(database, at: location, say: say)
            }
        } catch {
            await database.close()
            throw error
        }
        let store = SQLStore(SQLAccess(database: database, observe: observe), keys)
        if keys != nil {
            let vault = store.vault
            try await store.access.transaction(.runsAgain) {
                try EnvironmentTable.sealClearPasswords(vault, $0)
            }
        }
        return store
    }

    public func close() async { await access.database.close() }

    public func ping() async throws {
        let origin = RowOrigin(table: "schema_version", key: "version")
        _ = try await access.all(
            SQLSelect("SELECT version FROM schema_version", of: origin) { try $0.int("version") })
    }

    /// - Parameter name: a table of the schema.
    func rowCount(ofTable name: String) async throws -> Int {
        try await access.first(
            SQLSelect(
                "SELECT '\(name)' AS id, COUNT(*) AS number FROM \(name)",
                of: RowOrigin(table: name)
            ) { try $0.int("number") }) ?? 0
    }

    // MARK: Leadership

    public func campaign(_ candidate: Candidate) async throws -> Lease {
        try await access.transaction(.runsAgain) { try LeaseTable.campaign(candidate, $0) }
    }

    public func resign(_ epoch: LeaseEpoch) async throws {
        try await access.execute(
            "UPDATE leadership SET expires_ms = 0 WHERE epoch = ?", [.int(epoch.number)])
    }

    public func leading(_ epoch: LeaseEpoch) -> any LeaderStore {
        SQLLeader(access: access, vault: vault, epoch: epoch)
    }

    // MARK: Builds

    public func build(id: String) async throws -> Build? {
        try await access.first(BuildTable.find(id))
    }

    public func build(guestOS: String, number: Int) async throws -> Build? {
        try await access.first(BuildTable.find(guestOS: guestOS, number: number))
    }

    public func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        try await BuildTable.page(filter, limit: limit, access)
    }

    public func liveBuilds(after: String?, limit: Int) async throws -> StorePage<RecordedBuild> {
        try await BuildTable.live(after: after, limit: limit, plans, access)
    }

    public func halfPruned(after: String?, limit: Int) async throws -> StorePage<Build> {
        try await BuildTable.halfPruned(after: after, limit: limit, access)
    }

    public func attempts(ofBuild id: String) async throws -> [Attempt] {
        try await access.usable(AttemptTable.all(ofBuild: id))
    }

    public func attempt(_ token: AttemptToken) async throws -> Attempt? {
        try await access.first(AttemptTable.find(token))
    }

    public func artifacts(of token: AttemptToken) async throws -> [Artifact] {
        try await access.all(AttemptTable.artifacts(of: token))
    }

    public func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) async throws -> [StageDuration] {
        try await access.usable(
            BuildTable.recentDurations(guestOS: guestOS, stage: stage, limit: limit))
    }

    public func failures(_ filter: FailureFilter, limit: Int) async throws -> [FailureRecord] {
        try await access.usable(FailureTable.list(filter, limit: limit))
    }

    public func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        try await access.usable(TestLogTable.records(ofBuild: id))
    }

    public func hosts() async throws -> [Host] { try await access.usable(HostTable.all) }

    public func guestOS(named name: String) async throws -> GuestOS? {
        try await access.first(GuestOSTable.named(name))
    }

    public func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        try await access.usable(GuestOSTable.page(after: after), limit: limit)
    }

    public func testCases(_ osType: OSType?) async throws -> [TestCase] {
        try await access.all(TestCaseTable.all(osType))
    }

    // MARK: Releases

    public func environment(named name: String) async throws -> ReleaseEnvironment? {
        try await access.first(EnvironmentTable.named(name))
    }

    public func environments() async throws -> [ReleaseEnvironment] {
        try await access.usable(EnvironmentTable.all)
    }

    public func secret(ofEnvironment name: String) async throws -> Secret? {
        try await access.first(EnvironmentTable.secret(of: name, vault)) ?? nil
    }

    public func release(id: String) async throws -> Release? {
        try await access.first(ReleaseTable.find(id))
    }

    public func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release] {
        try await ReleaseTable.page(filter, limit: limit, access)
    }

    public func liveReleases(after: String?, limit: Int) async throws -> StorePage<Release> {
        try await ReleaseTable.live(after: after, limit: limit, access)
    }

    public func releaseName(
        _ name: String, in environment: String
    ) async throws -> ReleaseName? {
        try await access.first(ReleaseNameTable.find(name, in: environment))
    }

    public func releaseNames(
        in environment: String, after: String?, limit: Int
    ) async throws -> [ReleaseName] {
        try await access.usable(
            ReleaseNameTable.page(in: environment, after: after, limit: limit))
    }

    public func unusableRows() -> [UnusableRow] { access.unusable.all }

    public func secrets() async throws -> [FarmSecret] { try await access.usable(SecretTable.all) }

    public func secret(named name: String) async throws -> FarmSecret? {
        try await access.first(SecretTable.named(name))
    }

    public func value(ofSecret name: String) async throws -> Secret? {
        try await access.first(SecretTable.value(of: name, vault))
    }

    // MARK: Historic tables

    public func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry] {
        try await access.usable(BuildLogTable.newest(imageName: imageName), limit: limit)
    }

    public func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry] {
        try await access.usable(BuildLogTable.newest(guestOSID: guestOSID), limit: limit)
    }

    public func historicName(like name: String, in names: HistoricKind) async throws -> String? {
        try await access.first(HistoricLookup(names).name(like: name))
    }

    public func record(_ entry: AuditEntry) async throws {
        try await access.execute(AuditTable.insert, AuditTable.values(entry))
    }

    public func retentionState() async throws -> RetentionState {
        try await access.first(RetentionTable.state) ?? RetentionState()
    }

    public func triggerState(ofGuestOS id: String) async throws -> TriggerState? {
        try await access.first(TriggerTable.find(id))
    }

    public func triggerStates(after: String?, limit: Int) async throws -> StorePage<TriggerState> {
        try await TriggerTable.page(after: after, limit: limit, access)
    }

    public func audit(_ filter: AuditFilter, limit: Int) async throws -> [AuditEntry] {
        try await access.usable(AuditTable.list(filter), limit: limit)
    }

    public func accessRecords() async throws -> AccessRecords {
        AccessRecords(
            principals: try await access.usable(AccessTable.principals),
            tokens: try await access.usable(AccessTable.tokens),
            sessions: try await access.usable(AccessTable.sessions))
    }

    public func passwordHash(ofPrincipal name: String) async throws -> String? {
        try await access.first(AccessTable.passwordHash(of: name)) ?? nil
    }

    public func add(_ code: SignInCode, recording entry: AuditEntry) async throws {
        try await access.transaction(.runsAgain) { try AccessTable.add(code, entry, $0) }
    }

    public func takeCode(digest: String) async throws -> SignInCode? {
        try await access.transaction(.isReported) { try AccessTable.takeCode(digest, $0) }
    }

    public func receive(
        _ delivery: Delivery, payload: String, recording entry: (@Sendable (Int) -> AuditEntry)?
    ) async throws -> Delivery {
        try await access.transaction(.runsAgain) {
            try DeliveryTable.receive(delivery, payload, recording: entry, $0)
        }
    }

    public func delivery(id: Int) async throws -> Delivery? {
        try await access.first(DeliveryTable.find(id))
    }

    public func payload(ofDelivery id: Int) async throws -> String? {
        try await access.first(DeliveryTable.payload(of: id))
    }

    public func deliveries(_ filter: DeliveryFilter, limit: Int) async throws -> [Delivery] {
        try await access.usable(DeliveryTable.list(filter), limit: limit)
    }

    public func dueDeliveries(
        atMilliseconds now: Int64, after: Int?, limit: Int
    ) async throws -> [Delivery] {
        try await access.usable(DeliveryTable.due(atMilliseconds: now, after: after), limit: limit)
    }

    public func dueStatuses(
        atMilliseconds now: Int64, limit: Int
    ) async throws -> [StatusObligation] {
        try await access.usable(StatusTable.due(atMilliseconds: now, limit: limit))
    }

    public func waitingNotifications(
        to place: String, limit: Int
    ) async throws -> [OwedNotification] {
        try await access.usable(NotificationTable.waiting(to: place), limit: limit)
    }

    public func remoteImages(ofBuild id: String) async throws -> [RecordedImage] {
        try await access.usable(RemoteImageTable.all(ofBuild: id))
    }

    public func dueRemovals(
        atMilliseconds now: Int64, limit: Int
    ) async throws -> [RecordedImage] {
        try await access.usable(RemoteImageTable.due(atMilliseconds: now), limit: limit)
    }

    public func notificationCounts() async throws -> [NotificationCount] {
        try await access.usable(NotificationTable.counts)
    }
}
