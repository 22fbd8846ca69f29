public import BuildProtocol

/// The store without a database, for tests and simulations. Its records are lost when it ends.
public actor InMemoryStore: Store, LeaseStore {
    private var tables = InMemoryTables()
    private var lease = Lease()
    private let nowMilliseconds: @Sendable () -> Int64

    /// - Parameter nowMilliseconds: the clock of the lease.
    public init(nowMilliseconds: @escaping @Sendable () -> Int64 = { 0 }) {
        self.nowMilliseconds = nowMilliseconds
    }

    public func ping() {}

    // MARK: Leadership

    public func campaign(_ candidate: Candidate) -> Lease {
        lease = lease.after(candidate, nowMilliseconds: nowMilliseconds())
        return lease
    }

    public func resign(_ epoch: LeaseEpoch) {
        if lease.epoch == epoch.number { lease.expiresMilliseconds = 0 }
    }

    public nonisolated func leading(_ epoch: LeaseEpoch) -> any LeaderStore {
        InMemoryLeader(store: self, epoch: epoch)
    }

    /// Runs `body` if the epoch leads. A body that throws must not have changed anything.
    func write<T: Sendable>(
        _ epoch: LeaseEpoch, _ body: @Sendable (inout InMemoryTables) throws -> T
    ) throws -> T {
        guard lease.epoch == epoch.number else { throw StoreError.deposed(lease) }
        return try body(&tables)
    }

    // MARK: Builds

    public func build(id: String) -> Build? { tables.builds[id] }

    public func build(guestOS: String, number: Int) -> Build? {
        tables.builds.build(guestOS: guestOS, number: number)
    }

    public func builds(_ filter: BuildFilter, limit: Int) -> [Build] {
        tables.builds.list(filter, limit: limit)
    }

    public func liveBuilds(after: String?, limit: Int) -> StorePage<RecordedBuild> {
        tables.builds.live(after: after, limit: limit)
    }

    public func halfPruned(after: String?, limit: Int) -> StorePage<Build> {
        tables.builds.halfPruned(after: after, limit: limit)
    }

    public func attempts(ofBuild id: String) -> [Attempt] { tables.builds.attempts(of: id) }

    public func attempt(_ token: AttemptToken) -> Attempt? { tables.builds.attempts[token] }

    public func artifacts(of token: AttemptToken) -> [Artifact] {
        tables.builds.artifacts[token] ?? []
    }

    public func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) -> [StageDuration] {
        tables.builds.recentDurations(guestOS: guestOS, stage: stage, limit: limit)
    }

    public func failures(_ filter: FailureFilter, limit: Int) -> [FailureRecord] {
        tables.builds.failures(filter, limit: limit)
    }

    public func testRecords(ofBuild id: String) -> [TestRecord] {
        tables.builds.testRecords[id, default: []]
            .sorted { ($0.testedMilliseconds, $0.id) < ($1.testedMilliseconds, $1.id) }
    }

    // MARK: Hosts and catalog

    public func hosts() -> [Host] { tables.hosts.values.sorted { precedes($0.name, $1.name) } }

    public func guestOS(named name: String) -> GuestOS? { tables.catalog.guestOSes[name] }

    public func guestOSes(after: String?, limit: Int) -> [GuestOS] {
        tables.catalog.guestOSes(after: after, limit: limit)
    }

    public func testCases(_ osType: OSType?) -> [TestCase] { tables.catalog.testCases(osType) }

    // MARK: Releases

    public func environment(named name: String) -> ReleaseEnvironment? {
        tables.releases.environments[name]?.environment
    }

    public func environments() -> [ReleaseEnvironment] {
        tables.releases.environments.values.map(\.environment)
            .sorted { precedes($0.name, $1.name) }
    }

    public func secret(ofEnvironment name: String) -> Secret? {
        tables.releases.environments[name]?.secret
    }

    public func release(id: String) -> Release? { tables.releases[id] }

    public func releases(_ filter: ReleaseFilter, limit: Int) -> [Release] {
        tables.releases.list(filter, limit: limit)
    }

    public func liveReleases(after: String?, limit: Int) -> StorePage<Release> {
        tables.releases.live(after: after, limit: limit)
    }

    /// Nothing in memory is damaged.
    public func unusableRows() -> [UnusableRow] { [] }

    public func releaseName(_ name: String, in environment: String) -> ReleaseName? {
        tables.releases.names[environment, name]
    }

    public func releaseNames(
        in environment: String, after: String?, limit: Int
    ) -> [ReleaseName] {
        tables.releases.names.list(environment, after: after, limit: limit)
    }

    // MARK: Secrets

    public func secrets() -> [FarmSecret] { tables.secrets.all }

    public func secret(named name: String) -> FarmSecret? { tables.secrets[name] }

    public func value(ofSecret name: String) -> Secret? { tables.secrets.value(of: name) }

    // MARK: Historic tables

    public func buildLog(imageName: String, limit: Int) -> [BuildLogEntry] {
        tables.historic.buildLog(limit: limit) { $0.imageName == imageName }
    }

    public func buildLog(guestOSID: String?, limit: Int) -> [BuildLogEntry] {
        tables.historic.buildLog(limit: limit) { guestOSID == nil || guestOSID == $0.guestOSID }
    }

    public func historicName(like name: String, in names: HistoricKind) -> String? {
        tables.historicName(like: name, in: names)
    }

    /// In the order in which they were recorded.
    public var historicTests: [HistoricTest] { tables.historic.tests }
    public var historicReleases: [HistoricRelease] { tables.historic.releases }

    // MARK: Audit

    public func record(_ entry: AuditEntry) { tables.record(entry) }

    public func retentionState() -> RetentionState { tables.retention }

    public func triggerState(ofGuestOS id: String) -> TriggerState? { tables.triggers[id] }

    public func triggerStates(after: String?, limit: Int) -> StorePage<TriggerState> {
        InMemoryPage.byID(Set(tables.triggers.keys), after: after, limit: limit) {
            tables.triggers[$0]
        }
    }

    public func audit(_ filter: AuditFilter, limit: Int) -> [AuditEntry] {
        Array(tables.audit.reversed().lazy.filter(filter.matches).prefix(limit))
    }

    // MARK: Access

    public func accessRecords() -> AccessRecords { tables.access.records }

    public func passwordHash(ofPrincipal name: String) -> String? {
        tables.access.passwordHash(of: name)
    }

    public func add(_ code: SignInCode, recording entry: AuditEntry) {
        tables.access.add(code)
        tables.record(entry)
    }

    public func takeCode(digest: String) -> SignInCode? { tables.access.takeCode(digest: digest) }

    // MARK: Deliveries

    public func receive(
        _ delivery: Delivery, payload: String, recording entry: (@Sendable (Int) -> AuditEntry)?
    ) -> Delivery {
        let stored = tables.deliveries.receive(delivery, payload)
        if let entry { tables.record(entry(stored.id)) }
        return stored
    }

    public func delivery(id: Int) -> Delivery? { tables.deliveries[id] }

    public func payload(ofDelivery id: Int) -> String? { tables.deliveries.payload(of: id) }

    public func deliveries(_ filter: DeliveryFilter, limit: Int) -> [Delivery] {
        tables.deliveries.list(filter, limit: limit)
    }

    public func dueDeliveries(atMilliseconds now: Int64, after: Int?, limit: Int) -> [Delivery] {
        tables.deliveries.due(at: now, after: after, limit: limit)
    }

    public func dueStatuses(
        atMilliseconds now: Int64, limit: Int
    ) -> [StatusObligation] { tables.statuses.due(at: now, limit: limit) }

    public func waitingNotifications(to place: String, limit: Int) -> [OwedNotification] {
        tables.notifications.waiting(to: place, limit: limit)
    }

    public func remoteImages(ofBuild id: String) -> [RecordedImage] {
        tables.images.all(ofBuild: id)
    }

    public func dueRemovals(atMilliseconds now: Int64, limit: Int) -> [RecordedImage] {
        tables.images.due(atMilliseconds: now, limit: limit)
    }

    public func notificationCounts() -> [NotificationCount] { tables.notifications.counts() }
}
