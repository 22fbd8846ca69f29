import BuildProtocol
import CoordinatorCore
import Synchronization

/// A store in memory that a test can make slow, unreachable, or lose its answers.
final class FaultyStore: Store, ForwardsReleases {
    enum Call: Hashable {
        case enqueue, claim, apply, requestCancel, recentDurations, removeHost, find,
            release
    }
    enum Moment: Hashable { case before, after }

    typealias Hook = @Sendable () async throws -> Void
    private struct Point: Hashable {
        var call: Call
        var moment: Moment
    }

    private let base = InMemoryStore()
    private let hooks = Mutex<[Point: [Hook]]>([:])

    /// Runs the hook once, the next time that the call is made; before it takes effect, or after.
    func next(_ call: Call, _ moment: Moment = .before, _ hook: @escaping Hook) {
        hooks.withLock { $0[Point(call: call, moment: moment), default: []].append(hook) }
    }

    /// The call fails so often; with `.after` it takes effect and only its answer is lost.
    func fail(_ call: Call, _ moment: Moment = .before, times: Int = 1) {
        for _ in 0..<times {
            next(call, moment) { throw StoreError.unavailable("the database is away") }
        }
    }

    /// The epoch of a new leader, whether or not the old one knows.
    func takeLead() async -> Int64 {
        await base.campaign(
            Candidate(id: "\(UInt64.random(in: 0 ... .max))", url: "", leaseMilliseconds: -1)
        ).epoch
    }

    func mend() { hooks.withLock { $0 = [:] } }

    private func run(_ call: Call, _ moment: Moment) async throws {
        let hook = hooks.withLock { hooks -> Hook? in
            let point = Point(call: call, moment: moment)
            guard let list = hooks[point], !list.isEmpty else { return nil }
            hooks[point]?.removeFirst()
            return list[0]
        }
        try await hook?()
    }

    private func around<T>(_ call: Call, _ body: () async throws -> T) async throws -> T {
        try await run(call, .before)
        let value = try await body()
        try await run(call, .after)
        return value
    }

    func apply(_ change: BuildChange) async throws -> Build? {
        try await around(change.begin == nil ? .apply : .claim) { try await base.apply(change) }
    }
    func enqueue(_ build: NewBuild) async throws -> Build {
        try await around(.enqueue) { try await base.enqueue(build) }
    }
    func requestCancel(build: String, epoch: Int64) async throws -> Build? {
        try await around(.requestCancel) {
            try await base.requestCancel(build: build, epoch: epoch)
        }
    }
    func recentDurationsSeconds(guestOS: String, limit: Int) async throws -> [Int] {
        try await around(.recentDurations) {
            await base.recentDurationsSeconds(guestOS: guestOS, limit: limit)
        }
    }

    var releaseBase: any ReleaseStore & HistoricStore & RetentionStore { base }
    func effect<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await around(.release, body)
    }

    func add(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await base.add(guestOS, epoch: epoch)
    }
    func update(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await base.update(guestOS, epoch: epoch)
    }
    func guestOS(named name: String) async throws -> GuestOS? { await base.guestOS(named: name) }
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        await base.guestOSes(after: after, limit: limit)
    }
    func register(_ batch: RegistryBatch) async throws { try await base.register(batch) }
    func add(_ host: Host, epoch: Int64) async throws { try await base.add(host, epoch: epoch) }
    func hosts() async throws -> [Host] { await base.hosts() }
    func setDrained(_ drained: Bool, host: String, epoch: Int64) async throws {
        try await base.setDrained(drained, host: host, epoch: epoch)
    }
    func removeHost(_ name: String, epoch: Int64) async throws {
        try await around(.removeHost) { try await base.removeHost(name, epoch: epoch) }
    }
    func build(id: String) async throws -> Build? {
        try await around(.find) { await base.build(id: id) }
    }
    func build(guestOS: String, number: Int) async throws -> Build? {
        await base.build(guestOS: guestOS, number: number)
    }
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        await base.builds(filter, limit: limit)
    }
    func liveBuilds() async throws -> [Build] { await base.liveBuilds() }
    func attempts(ofBuild id: String) async throws -> [Attempt] { await base.attempts(ofBuild: id) }
    func attempt(_ token: AttemptToken) async throws -> Attempt? { await base.attempt(token) }
    func artifacts(of token: AttemptToken) async throws -> [Artifact] {
        await base.artifacts(of: token)
    }
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry] {
        await base.buildLog(guestOSID: guestOSID, limit: limit)
    }
    func record(_ entry: AuditEntry) async throws { await base.record(entry) }
    func add(_ testCase: TestCase, epoch: Int64) async throws {
        try await base.add(testCase, epoch: epoch)
    }
    func testCases(_ osType: OSType?) async throws -> [TestCase] {
        await base.testCases(osType)
    }
    func define(_ testCase: TestCase, epoch: Int64) async throws {
        try await base.define(testCase, epoch: epoch)
    }
    func removeTestCase(id: String, epoch: Int64) async throws {
        try await base.removeTestCase(id: id, epoch: epoch)
    }
    func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        await base.testRecords(ofBuild: id)
    }
    func audit(limit: Int) async throws -> [AuditEntry] { await base.audit(limit: limit) }
    func ping() async throws {}
}
