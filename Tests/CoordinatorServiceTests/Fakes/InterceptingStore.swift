import BuildProtocol
import CoordinatorCore

/// The calls of a store that tests distinguish.
enum StoreCall: Hashable {
    case enqueue, claim, apply, requestCancel, removeHost, release
    case find, liveBuilds, recentDurations
    case audit, rotateKey
    /// Any other write.
    case write
    /// Any other read.
    case read
}

/// A store whose calls all go through `around`, which may delay them, stop them, or lose their
/// responses.
protocol InterceptingStore: Store {
    var base: any Store { get }
    func around<T: Sendable>(_ call: StoreCall, _ body: () async throws -> T) async throws -> T
}

extension InterceptingStore {
    func leading(_ epoch: LeaseEpoch) -> any LeaderStore {
        InterceptingLeader(base: base.leading(epoch), store: self)
    }

    func ping() async throws { try await around(.read) { try await base.ping() } }

    // MARK: Builds

    func build(id: String) async throws -> Build? {
        try await around(.find) { try await base.build(id: id) }
    }
    func build(guestOS: String, number: Int) async throws -> Build? {
        try await around(.read) { try await base.build(guestOS: guestOS, number: number) }
    }
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        try await around(.read) { try await base.builds(filter, limit: limit) }
    }
    func liveBuilds(after: String?, limit: Int) async throws -> StorePage<RecordedBuild> {
        try await around(.liveBuilds) { try await base.liveBuilds(after: after, limit: limit) }
    }
    func halfPruned(after: String?, limit: Int) async throws -> StorePage<Build> {
        try await around(.read) { try await base.halfPruned(after: after, limit: limit) }
    }
    func attempts(ofBuild id: String) async throws -> [Attempt] {
        try await around(.read) { try await base.attempts(ofBuild: id) }
    }
    func attempt(_ token: AttemptToken) async throws -> Attempt? {
        try await around(.read) { try await base.attempt(token) }
    }
    func artifacts(of token: AttemptToken) async throws -> [Artifact] {
        try await around(.read) { try await base.artifacts(of: token) }
    }
    func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) async throws -> [StageDuration] {
        try await around(.recentDurations) {
            try await base.recentDurations(guestOS: guestOS, stage: stage, limit: limit)
        }
    }
    func failures(_ filter: FailureFilter, limit: Int) async throws -> [FailureRecord] {
        try await around(.read) { try await base.failures(filter, limit: limit) }
    }
    func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        try await around(.read) { try await base.testRecords(ofBuild: id) }
    }

    // MARK: Hosts and catalog

    func hosts() async throws -> [Host] { try await around(.read) { try await base.hosts() } }
    func guestOS(named name: String) async throws -> GuestOS? {
        try await around(.read) { try await base.guestOS(named: name) }
    }
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        try await around(.read) { try await base.guestOSes(after: after, limit: limit) }
    }
    func testCases(_ osType: OSType?) async throws -> [TestCase] {
        try await around(.read) { try await base.testCases(osType) }
    }

    // MARK: Releases

    func environment(named name: String) async throws -> ReleaseEnvironment? {
        try await around(.read) { try await base.environment(named: name) }
    }
    func environments() async throws -> [ReleaseEnvironment] {
        try await around(.read) { try await base.environments() }
    }
    func secret(ofEnvironment name: String) async throws -> Secret? {
        try await around(.read) { try await base.secret(ofEnvironment: name) }
    }
    func secrets() async throws -> [FarmSecret] {
        try await around(.read) { try await base.secrets() }
    }
    func secret(named name: String) async throws -> FarmSecret? {
        try await around(.read) { try await base.secret(named: name) }
    }
    func value(ofSecret name: String) async throws -> Secret? {
        try await around(.read) { try await base.value(ofSecret: name) }
    }
    func release(id: String) async throws -> Release? {
        try await around(.read) { try await base.release(id: id) }
    }
    func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release] {
        try await around(.read) { try await base.releases(filter, limit: limit) }
    }
    func liveReleases(after: String?, limit: Int) async throws -> StorePage<Release> {
        try await around(.read) { try await base.liveReleases(after: after, limit: limit) }
    }
    func releaseName(_ name: String, in environment: String) async throws -> ReleaseName? {
        try await around(.read) { try await base.releaseName(name, in: environment) }
    }
    func releaseNames(
        in environment: String, after: String?, limit: Int
    ) async throws -> [ReleaseName] {
        try await around(.read) {
            try await base.releaseNames(in: environment, after: after, limit: limit)
        }
    }
    func unusableRows() async -> [UnusableRow] { await base.unusableRows() }

    // MARK: Historic tables and audit

    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry] {
        try await around(.read) { try await base.buildLog(imageName: imageName, limit: limit) }
    }
    func historicName(like name: String, in names: HistoricKind) async throws -> String? {
        try await around(.read) { try await base.historicName(like: name, in: names) }
    }
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry] {
        try await around(.read) { try await base.buildLog(guestOSID: guestOSID, limit: limit) }
    }
    func record(_ entry: AuditEntry) async throws {
        try await around(.audit) { try await base.record(entry) }
    }
    func receive(
        _ delivery: Delivery, payload: String, recording entry: (@Sendable (Int) -> AuditEntry)?
    ) async throws -> Delivery {
        try await around(.write) {
            try await base.receive(delivery, payload: payload, recording: entry)
        }
    }
    func delivery(id: Int) async throws -> Delivery? {
        try await around(.read) { try await base.delivery(id: id) }
    }
    func payload(ofDelivery id: Int) async throws -> String? {
        try await around(.read) { try await base.payload(ofDelivery: id) }
    }
    func deliveries(_ filter: DeliveryFilter, limit: Int) async throws -> [Delivery] {
        try await around(.read) { try await base.deliveries(filter, limit: limit) }
    }
    func dueDeliveries(
        atMilliseconds now: Int64, after: Int?, limit: Int
    ) async throws -> [Delivery] {
        try await around(.read) {
            try await base.dueDeliveries(atMilliseconds: now, after: after, limit: limit)
        }
    }
    func dueStatuses(
        atMilliseconds now: Int64, limit: Int
    ) async throws -> [StatusObligation] {
        try await around(.read) { try await base.dueStatuses(atMilliseconds: now, limit: limit) }
    }
    func triggerState(ofGuestOS id: String) async throws -> TriggerState? {
        try await around(.read) { try await base.triggerState(ofGuestOS: id) }
    }
    func triggerStates(after: String?, limit: Int) async throws -> StorePage<TriggerState> {
        try await around(.read) { try await base.triggerStates(after: after, limit: limit) }
    }
    func waitingNotifications(
        to place: String, limit: Int
    ) async throws -> [OwedNotification] {
        try await around(.read) { try await base.waitingNotifications(to: place, limit: limit) }
    }
    func remoteImages(ofBuild id: String) async throws -> [RecordedImage] {
        try await around(.read) { try await base.remoteImages(ofBuild: id) }
    }

    func dueRemovals(atMilliseconds now: Int64, limit: Int) async throws -> [RecordedImage] {
        try await around(.read) {
            try await base.dueRemovals(atMilliseconds: now, limit: limit)
        }
    }

    func notificationCounts() async throws -> [NotificationCount] {
        try await around(.read) { try await base.notificationCounts() }
    }
    func retentionState() async throws -> RetentionState {
        try await around(.read) { try await base.retentionState() }
    }
    func audit(_ filter: AuditFilter, limit: Int) async throws -> [AuditEntry] {
        try await around(.read) { try await base.audit(filter, limit: limit) }
    }
    func accessRecords() async throws -> AccessRecords {
        try await around(.read) { try await base.accessRecords() }
    }
    func passwordHash(ofPrincipal name: String) async throws -> String? {
        try await around(.read) { try await base.passwordHash(ofPrincipal: name) }
    }
    func add(_ code: SignInCode, recording entry: AuditEntry) async throws {
        try await around(.audit) { try await base.add(code, recording: entry) }
    }
    func takeCode(digest: String) async throws -> SignInCode? {
        try await around(.write) { try await base.takeCode(digest: digest) }
    }
}

/// The writes of an intercepting store.
struct InterceptingLeader: LeaderStore {
    let base: any LeaderStore
    let store: any InterceptingStore
    var isRecording = false

    func recording(_ entries: [AuditEntry]) -> InterceptingLeader {
        InterceptingLeader(
            base: base.recording(entries), store: store, isRecording: !entries.isEmpty)
    }

    private func around<T: Sendable>(
        _ call: StoreCall, _ body: () async throws -> T
    ) async throws -> T {
        guard isRecording else { return try await store.around(call, body) }
        return try await store.around(.audit) { try await store.around(call, body) }
    }

    // MARK: Builds

    func apply(_ change: AccessChange) async throws {
        try await around(.write) { try await base.apply(change) }
    }
    func enqueue(_ build: NewBuild) async throws -> Build {
        try await around(.enqueue) { try await base.enqueue(build) }
    }
    func apply(_ change: BuildChange) async throws -> Build? {
        try await around(change.begin == nil ? .apply : .claim) { try await base.apply(change) }
    }
    func requestCancel(build: String) async throws -> Build? {
        try await around(.requestCancel) { try await base.requestCancel(build: build) }
    }
    func setPinned(_ isPinned: Bool, build: String) async throws -> Build? {
        try await around(.write) { try await base.setPinned(isPinned, build: build) }
    }
    func beginPrune(build: String, atMilliseconds: Int64) async throws -> Build? {
        try await around(.write) {
            try await base.beginPrune(build: build, atMilliseconds: atMilliseconds)
        }
    }
    func endPrune(build: String) async throws {
        try await around(.write) { try await base.endPrune(build: build) }
    }

    // MARK: Hosts and catalog

    func add(_ host: Host) async throws { try await around(.write) { try await base.add(host) } }
    func update(_ host: Host) async throws {
        try await around(.write) { try await base.update(host) }
    }
    func setDrain(_ drain: HostDrain?, host: String) async throws {
        try await around(.write) { try await base.setDrain(drain, host: host) }
    }
    func removeHost(_ name: String) async throws {
        try await around(.removeHost) { try await base.removeHost(name) }
    }
    func add(_ guestOS: GuestOS) async throws {
        try await around(.write) { try await base.add(guestOS) }
    }
    func update(_ guestOS: GuestOS) async throws {
        try await around(.write) { try await base.update(guestOS) }
    }
    func add(_ testCase: TestCase) async throws {
        try await around(.write) { try await base.add(testCase) }
    }
    func define(_ testCase: TestCase) async throws {
        try await around(.write) { try await base.define(testCase) }
    }
    func rename(_ kind: RegisteredKind, _ name: String, to new: String) async throws {
        try await around(.write) { try await base.rename(kind, name, to: new) }
    }
    func removeGuestOS(named name: String) async throws {
        try await around(.write) { try await base.removeGuestOS(named: name) }
    }
    func removeTestCase(id: String) async throws {
        try await around(.write) { try await base.removeTestCase(id: id) }
    }
    func register(_ batch: RegistryBatch) async throws {
        try await around(.write) { try await base.register(batch) }
    }

    // MARK: Releases

    func add(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await around(.release) { try await base.add(environment, secret: secret) }
    }
    func update(_ environment: ReleaseEnvironment, secret: Secret?) async throws {
        try await around(.release) { try await base.update(environment, secret: secret) }
    }
    func removeEnvironment(named name: String) async throws {
        try await around(.release) { try await base.removeEnvironment(named: name) }
    }
    func put(_ secret: FarmSecret, value: Secret?) async throws {
        try await around(.write) { try await base.put(secret, value: value) }
    }
    func removeSecret(named name: String) async throws {
        try await around(.write) { try await base.removeSecret(named: name) }
    }
    func rotateKey(isNew: Bool) async throws -> KeyRotation {
        try await around(.rotateKey) { try await base.rotateKey(isNew: isNew) }
    }
    func add(_ release: Release) async throws {
        try await around(.release) { try await base.add(release) }
    }
    func apply(_ change: ReleaseChange) async throws -> Release? {
        try await around(.release) { try await base.apply(change) }
    }
    func requestCancel(release: String) async throws -> Release? {
        try await around(.release) { try await base.requestCancel(release: release) }
    }
    func claim(_ name: ReleaseName) async throws -> ReleaseName {
        try await around(.release) { try await base.claim(name) }
    }
    func give(_ name: ReleaseName) async throws {
        try await around(.release) { try await base.give(name) }
    }

    // MARK: Historic tables

    func record(_ entry: BuildLogEntry) async throws -> BuildLogEntry {
        try await around(.write) { try await base.record(entry) }
    }
    func record(_ test: HistoricTest) async throws {
        try await around(.write) { try await base.record(test) }
    }
    func record(_ release: HistoricRelease) async throws {
        try await around(.write) { try await base.record(release) }
    }
    func removeHistory(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await around(.write) {
            try await base.removeHistory(before: milliseconds, limit: limit)
        }
    }

    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await around(.write) { try await base.removeAudit(before: milliseconds, limit: limit) }
    }
    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool {
        try await around(.write) { try await base.update(delivery, from: states) }
    }
    func removeDeliveries(
        before milliseconds: Int64, keep: Int, limit: Int
    ) async throws -> Int {
        try await around(.write) {
            try await base.removeDeliveries(before: milliseconds, keep: keep, limit: limit)
        }
    }
    func oweStatus(ofBuild id: String) async throws {
        try await around(.write) { try await base.oweStatus(ofBuild: id) }
    }
    func postpone(_ status: StatusObligation) async throws {
        try await around(.write) { try await base.postpone(status) }
    }
    func settle(_ status: StatusObligation) async throws {
        try await around(.write) { try await base.settle(status) }
    }
    func save(_ state: TriggerState) async throws -> TriggerState? {
        try await around(.write) { try await base.save(state) }
    }
    func record(_ removal: RecordedImage) async throws {
        try await around(.write) { try await base.record(removal) }
    }

    func add(_ notifications: [OwedNotification]) async throws {
        try await around(.write) { try await base.add(notifications) }
    }
    func settle(_ ids: [Int], sentMilliseconds: Int64?) async throws {
        try await around(.write) {
            try await base.settle(ids, sentMilliseconds: sentMilliseconds)
        }
    }
    func giveUpNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await around(.write) {
            try await base.giveUpNotifications(before: milliseconds, limit: limit)
        }
    }
    func removeNotifications(before milliseconds: Int64, limit: Int) async throws -> Int {
        try await around(.write) {
            try await base.removeNotifications(before: milliseconds, limit: limit)
        }
    }
    func set(_ state: RetentionState) async throws {
        try await around(.write) { try await base.set(state) }
    }
}
