import BuildProtocol
import CoordinatorCore

/// A store that a coordinator reaches as long as it lives.
struct MortalStore: Store, ForwardsReleases {
    let base: any Store
    let life: Life

    var releaseBase: any ReleaseStore & HistoricStore & RetentionStore { base }
    func effect<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await life.effect(body)
    }

    func apply(_ change: BuildChange) async throws -> Build? {
        try await life.effect { try await base.apply(change) }
    }
    func enqueue(_ build: NewBuild) async throws -> Build {
        try await life.effect { try await base.enqueue(build) }
    }
    func requestCancel(build: String, epoch: Int64) async throws -> Build? {
        try await life.effect { try await base.requestCancel(build: build, epoch: epoch) }
    }
    func record(_ entry: AuditEntry) async throws {
        try await life.effect { try await base.record(entry) }
    }
    func liveBuilds() async throws -> [Build] {
        try await life.effect { try await base.liveBuilds() }
    }

    func add(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await base.add(guestOS, epoch: epoch)
    }
    func update(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await base.update(guestOS, epoch: epoch)
    }
    func guestOS(named name: String) async throws -> GuestOS? {
        try await base.guestOS(named: name)
    }
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        try await base.guestOSes(after: after, limit: limit)
    }
    func register(_ batch: RegistryBatch) async throws {
        try await life.effect { try await base.register(batch) }
    }
    func add(_ host: Host, epoch: Int64) async throws { try await base.add(host, epoch: epoch) }
    func hosts() async throws -> [Host] { try await base.hosts() }
    func setDrained(_ drained: Bool, host: String, epoch: Int64) async throws {
        try await base.setDrained(drained, host: host, epoch: epoch)
    }
    func removeHost(_ name: String, epoch: Int64) async throws {
        try await base.removeHost(name, epoch: epoch)
    }
    func build(id: String) async throws -> Build? { try await base.build(id: id) }
    func build(guestOS: String, number: Int) async throws -> Build? {
        try await base.build(guestOS: guestOS, number: number)
    }
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        try await base.builds(filter, limit: limit)
    }
    func attempts(ofBuild id: String) async throws -> [Attempt] {
        try await base.attempts(ofBuild: id)
    }
    func attempt(_ token: AttemptToken) async throws -> Attempt? {
        try await base.attempt(token)
    }
    func artifacts(of token: AttemptToken) async throws -> [Artifact] {
        try await base.artifacts(of: token)
    }
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry] {
        try await base.buildLog(guestOSID: guestOSID, limit: limit)
    }
    func recentDurationsSeconds(guestOS: String, limit: Int) async throws -> [Int] {
        try await base.recentDurationsSeconds(guestOS: guestOS, limit: limit)
    }
    func add(_ testCase: TestCase, epoch: Int64) async throws {
        try await base.add(testCase, epoch: epoch)
    }
    func testCases(_ osType: OSType?) async throws -> [TestCase] {
        try await base.testCases(osType)
    }
    func define(_ testCase: TestCase, epoch: Int64) async throws {
        try await base.define(testCase, epoch: epoch)
    }
    func removeTestCase(id: String, epoch: Int64) async throws {
        try await base.removeTestCase(id: id, epoch: epoch)
    }
    func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        try await base.testRecords(ofBuild: id)
    }
    func audit(limit: Int) async throws -> [AuditEntry] { try await base.audit(limit: limit) }
    func ping() async throws { try await base.ping() }
}
