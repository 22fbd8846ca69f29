import BuildProtocol
import CoordinatorCore

/// The way of one coordinator process to the store.
struct ProcessStore: Store {
    let gate: Gate
    let door: StoreDoor
    private var base: InMemoryStore { door.base }

    init(gate: Gate, door: StoreDoor) {
        self.gate = gate
        self.door = door
    }

    private func effect<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await gate.effect(on: .store, body)
    }

    func leading(_ epoch: LeaseEpoch) -> any LeaderStore {
        ProcessLeader(gate: gate, door: door, base: door.base.leading(epoch))
    }

    func ping() async throws { try await effect { await base.ping() } }

    // MARK: Builds

    func build(id: String) async throws -> Build? {
        try await effect { await base.build(id: id) }
    }
    func build(guestOS: String, number: Int) async throws -> Build? {
        try await effect { await base.build(guestOS: guestOS, number: number) }
    }
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        try await effect { await base.builds(filter, limit: limit) }
    }
    func liveBuilds(after: String?, limit: Int) async throws -> StorePage<RecordedBuild> {
        try await effect { await base.liveBuilds(after: after, limit: limit) }
    }
    func halfPruned(after: String?, limit: Int) async throws -> StorePage<Build> {
        try await effect { await base.halfPruned(after: after, limit: limit) }
    }
    func attempts(ofBuild id: String) async throws -> [Attempt] {
        try await effect { await base.attempts(ofBuild: id) }
    }
    func attempt(_ token: AttemptToken) async throws -> Attempt? {
        try await effect { await base.attempt(token) }
    }
    func artifacts(of token: AttemptToken) async throws -> [Artifact] {
        try await effect { await base.artifacts(of: token) }
    }
    func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) async throws -> [StageDuration] {
        try await effect {
            await base.recentDurations(guestOS: guestOS, stage: stage, limit: limit)
        }
    }
    func failures(_ filter: FailureFilter, limit: Int) async throws -> [FailureRecord] {
        try await effect { await base.failures(filter, limit: limit) }
    }
    func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        try await effect { await base.testRecords(ofBuild: id) }
    }

    // MARK: Hosts and catalog

    func hosts() async throws -> [Host] { try await effect { await base.hosts() } }
    func guestOS(named name: String) async throws -> GuestOS? {
        try await effect { await base.guestOS(named: name) }
    }
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        try await effect { await base.guestOSes(after: after, limit: limit) }
    }
    func testCases(_ osType: OSType?) async throws -> [TestCase] {
        try await effect { await base.testCases(osType) }
    }

    // MARK: Releases

    func environment(named name: String) async throws -> ReleaseEnvironment? {
        try await effect { await base.environment(named: name) }
    }
    func environments() async throws -> [ReleaseEnvironment] {
        try await effect { await base.environments() }
    }
    func secret(ofEnvironment name: String) async throws -> Secret? {
        try await effect { await base.secret(ofEnvironment: name) }
    }
    func secrets() async throws -> [FarmSecret] {
        try await effect { await base.secrets() }
    }
    func secret(named name: String) async throws -> FarmSecret? {
        try await effect { await base.secret(named: name) }
    }
    func value(ofSecret name: String) async throws -> Secret? {
        try await effect { await base.value(ofSecret: name) }
    }
    func release(id: String) async throws -> Release? {
        try await effect { await base.release(id: id) }
    }
    func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release] {
        try await effect { await base.releases(filter, limit: limit) }
    }
    func liveReleases(after: String?, limit: Int) async throws -> StorePage<Release> {
        try await effect { await base.liveReleases(after: after, limit: limit) }
    }
    func releaseName(_ name: String, in environment: String) async throws -> ReleaseName? {
        try await effect { await base.releaseName(name, in: environment) }
    }
    func releaseNames(
        in environment: String, after: String?, limit: Int
    ) async throws -> [ReleaseName] {
        try await effect {
            await base.releaseNames(in: environment, after: after, limit: limit)
        }
    }
    func unusableRows() async -> [UnusableRow] { await base.unusableRows() }

    // MARK: Historic tables and audit

    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry] {
        try await effect { await base.buildLog(imageName: imageName, limit: limit) }
    }
    func historicName(like name: String, in names: HistoricKind) async throws -> String? {
        try await effect { await base.historicName(like: name, in: names) }
    }
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry] {
        try await effect { await base.buildLog(guestOSID: guestOSID, limit: limit) }
    }
    func record(_ entry: AuditEntry) async throws {
        try await effect { await base.record(entry) }
    }
    func receive(
        _ delivery: Delivery, payload: String, recording entry: (@Sendable (Int) -> AuditEntry)?
    ) async throws -> Delivery {
        try await effect { await base.receive(delivery, payload: payload, recording: entry) }
    }
    func delivery(id: Int) async throws -> Delivery? {
        try await effect { await base.delivery(id: id) }
    }
    func payload(ofDelivery id: Int) async throws -> String? {
        try await effect { await base.payload(ofDelivery: id) }
    }
    func deliveries(_ filter: DeliveryFilter, limit: Int) async throws -> [Delivery] {
        try await effect { await base.deliveries(filter, limit: limit) }
    }
    func dueDeliveries(
        atMilliseconds now: Int64, after: Int?, limit: Int
    ) async throws -> [Delivery] {
        try await effect {
            await base.dueDeliveries(atMilliseconds: now, after: after, limit: limit)
        }
    }
    func dueStatuses(
        atMilliseconds now: Int64, limit: Int
    ) async throws -> [StatusObligation] {
        try await effect { await base.dueStatuses(atMilliseconds: now, limit: limit) }
    }
    func triggerState(ofGuestOS id: String) async throws -> TriggerState? {
        try await effect { await base.triggerState(ofGuestOS: id) }
    }
    func triggerStates(after: String?, limit: Int) async throws -> StorePage<TriggerState> {
        try await effect { await base.triggerStates(after: after, limit: limit) }
    }
    func waitingNotifications(
        to place: String, limit: Int
    ) async throws -> [OwedNotification] {
        try await effect { await base.waitingNotifications(to: place, limit: limit) }
    }
    func remoteImages(ofBuild id: String) async throws -> [RecordedImage] {
        try await effect { await base.remoteImages(ofBuild: id) }
    }

    func dueRemovals(atMilliseconds now: Int64, limit: Int) async throws -> [RecordedImage] {
        try await effect { await base.dueRemovals(atMilliseconds: now, limit: limit) }
    }

    func notificationCounts() async throws -> [NotificationCount] {
        try await effect { await base.notificationCounts() }
    }
    func retentionState() async throws -> RetentionState {
        try await effect { await base.retentionState() }
    }
    func audit(_ filter: AuditFilter, limit: Int) async throws -> [AuditEntry] {
        try await effect { await base.audit(filter, limit: limit) }
    }
    func accessRecords() async throws -> AccessRecords {
        try await effect { await base.accessRecords() }
    }
    func passwordHash(ofPrincipal name: String) async throws -> String? {
        try await effect { await base.passwordHash(ofPrincipal: name) }
    }
    func add(_ code: SignInCode, recording entry: AuditEntry) async throws {
        try await effect { await base.add(code, recording: entry) }
    }
    func takeCode(digest: String) async throws -> SignInCode? {
        try await effect { await base.takeCode(digest: digest) }
    }
}
