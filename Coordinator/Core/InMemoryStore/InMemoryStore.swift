public import BuildProtocol

/// The store without a database: for tests, simulations and trying aibuild out. Everything is
/// forgotten with it.
public actor InMemoryStore: Store, LeaseStore {
    var guestOSByName: [String: GuestOS] = [:]
    private var lastNumberByGuestOSID: [String: Int] = [:]
    private var hostByName: [String: Host] = [:]
    var buildByID: [String: Build] = [:]
    var halfPrunedIDs: Set<String> = []
    private var attemptByToken: [AttemptToken: Attempt] = [:]
    private var artifactsByToken: [AttemptToken: [Artifact]] = [:]
    private var entries: [BuildLogEntry] = []
    var testCaseByID: [String: TestCase] = [:]
    private var testRecords: [TestRecord] = []
    private var auditEntries: [AuditEntry] = []
    var environmentByName: [String: (environment: ReleaseEnvironment, secret: Secret?)] = [:]
    var releaseByID: [String: Release] = [:]
    public internal(set) var historicTests: [HistoricTest] = []
    public internal(set) var historicReleases: [HistoricRelease] = []
    private var lease = Lease()
    private let nowMilliseconds: @Sendable () -> Int64

    /// - Parameter nowMilliseconds: the clock of the lease.
    public init(nowMilliseconds: @escaping @Sendable () -> Int64 = { 0 }) {
        self.nowMilliseconds = nowMilliseconds
    }

    // MARK: Leadership

    public func campaign(_ candidate: Candidate) -> Lease {
        lease = lease.after(candidate, nowMilliseconds: nowMilliseconds())
        return lease
    }

    public func resign(epoch: Int64) {
        if lease.epoch == epoch { lease.expiresMilliseconds = 0 }
    }

    func fence(_ epoch: Int64) throws {
        guard lease.epoch == epoch else { throw StoreError.deposed(lease) }
    }

    // MARK: Guest OSes

    public func add(_ guestOS: GuestOS, epoch: Int64) throws {
        try fence(epoch)
        guard guestOSByName[guestOS.name] == nil else {
            throw StoreError.exists(what: "guest OS", name: guestOS.name)
        }
        guestOSByName[guestOS.name] = guestOS
    }

    public func update(_ guestOS: GuestOS, epoch: Int64) throws {
        try fence(epoch)
        guard let known = guestOSByName.values.first(where: { $0.id == guestOS.id }) else {
            throw StoreError.notFound(what: "guest OS", name: guestOS.name)
        }
        var changed = guestOS
        changed.name = known.name
        guestOSByName[known.name] = changed
    }

    public func guestOS(named name: String) -> GuestOS? { guestOSByName[name] }

    public func guestOSes(after: String?, limit: Int) -> [GuestOS] {
        let rest = guestOSByName.values.filter { guestOS in
            after.map { precedes($0, guestOS.name) } ?? true
        }
        return Array(rest.sorted { precedes($0.name, $1.name) }.prefix(limit))
    }

    // MARK: Hosts

    public func add(_ host: Host, epoch: Int64) throws {
        try fence(epoch)
        guard hostByName[host.name] == nil else {
            throw StoreError.exists(what: "host", name: host.name)
        }
        hostByName[host.name] = host
    }

    public func hosts() -> [Host] { hostByName.values.sorted { precedes($0.name, $1.name) } }

    public func setDrained(_ drained: Bool, host: String, epoch: Int64) throws {
        try fence(epoch)
        guard hostByName[host] != nil else {
            throw StoreError.notFound(what: "host", name: host)
        }
        hostByName[host]?.drained = drained
    }

    public func removeHost(_ name: String, epoch: Int64) throws {
        try fence(epoch)
        guard hostByName.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: "host", name: name)
        }
    }

    // MARK: Builds

    public func enqueue(_ new: NewBuild) throws -> Build {
        try fence(new.epoch)
        if let build = buildByID[new.id] { return build }
        guard guestOSByName.values.contains(where: { $0.id == new.guestOSID }) else {
            throw StoreError.notFound(what: "guest OS", name: new.guestOS)
        }
        let number = lastNumberByGuestOSID[new.guestOSID, default: 0] + 1
        lastNumberByGuestOSID[new.guestOSID] = number
        let build = Build(new, number: number)
        buildByID[build.id] = build
        return build
    }

    public func build(id: String) -> Build? { buildByID[id] }

    public func build(guestOS: String, number: Int) -> Build? {
        buildByID.values.first { $0.guestOS == guestOS && $0.number == number }
    }

    public func builds(_ filter: BuildFilter, limit: Int) -> [Build] {
        let last: Build?
        if let after = filter.after {
            guard let build = buildByID[after] else { return [] }
            last = build
        } else {
            last = nil
        }
        let matching = buildByID.values.filter { build in
            filter.guestOS.map { $0 == build.guestOS } ?? true
                && filter.states.map { $0.contains(build.state) } ?? true
                && (!filter.isKept || build.prunedMilliseconds == nil)
                && last.map { isNewer($0, than: build) } ?? true
        }
        return Array(matching.sorted { isNewer($0, than: $1) }.prefix(limit))
    }

    public func liveBuilds() -> [Build] {
        buildByID.values.filter { !$0.state.isEnded }.sorted { a, b in
            (-a.priority, a.submittedMilliseconds, a.id)
                < (-b.priority, b.submittedMilliseconds, b.id)
        }
    }

    public func apply(_ change: BuildChange) throws -> Build? {
        try fence(change.epoch)
        guard let build = buildByID[change.build] else { return nil }
        switch change.effect(on: build) {
        case .refused: return nil
        case .applied: return build
        case .changed(let changed):
            buildByID[build.id] = changed
            if let begin = change.begin { attemptByToken[begin.token] = begin }
            if let owner = change.owner, let end = change.end {
                attemptByToken[owner]?.end(end, atMilliseconds: change.atMilliseconds)
                artifactsByToken[owner] = end.artifacts
            }
            switch change.buildLogChange(build) {
            case .insert(let entry): entries.append(entry)
            case .move(let id, let url):
                for index in entries.indices where entries[index].id == id {
                    entries[index].getURL = url
                }
            case nil: break
            }
            testRecords += change.testRecords(build)
            for release in change.releases { insert(release) }
            return changed
        }
    }

    public func requestCancel(build id: String, epoch: Int64) throws -> Build? {
        try fence(epoch)
        guard let build = buildByID[id], !build.state.isEnded else { return nil }
        buildByID[id]?.cancelRequested = true
        return buildByID[id]
    }

    // MARK: Attempts

    public func attempts(ofBuild id: String) -> [Attempt] {
        attemptByToken.values.filter { $0.build == id }.sorted { $0.ordinal < $1.ordinal }
    }

    public func attempt(_ token: AttemptToken) -> Attempt? { attemptByToken[token] }

    public func artifacts(of token: AttemptToken) -> [Artifact] { artifactsByToken[token] ?? [] }

    func insert(_ entry: BuildLogEntry) { entries.append(entry) }

    public func buildLog(guestOSID: String?, limit: Int) -> [BuildLogEntry] {
        let rows = entries.filter { entry in guestOSID.map { $0 == entry.guestOSID } ?? true }
        return Array(
            rows.sorted { ($0.builtMilliseconds, $0.id) > ($1.builtMilliseconds, $1.id) }
                .prefix(limit))
    }

    public func recentDurationsSeconds(guestOS: String, limit: Int) -> [Int] {
        buildByID.values.filter { $0.guestOS == guestOS && $0.state == .passed }
            .sorted { ($0.endedMilliseconds ?? 0, $0.id) > ($1.endedMilliseconds ?? 0, $1.id) }
            .prefix(limit)
            .compactMap { build in
                attemptByToken.values.first {
                    $0.build == build.id && $0.stage == .build && $0.outcome?.passed == true
                }
            }
            .compactMap(\.durationSeconds)
    }

    // MARK: Tests

    public func add(_ testCase: TestCase, epoch: Int64) throws {
        try fence(epoch)
        guard !testCaseByID.values.contains(where: testCase.isSame) else {
            throw StoreError.exists(what: "test case", name: testCase.name)
        }
        testCaseByID[testCase.id] = testCase
    }

    public func testCases(_ osType: OSType?) -> [TestCase] {
        testCaseByID.values.filter { osType == nil || $0.osType == osType }
            .sorted { $0.name == $1.name ? $0.id < $1.id : precedes($0.name, $1.name) }
    }

    public func define(_ testCase: TestCase, epoch: Int64) throws {
        try fence(epoch)
        guard testCaseByID[testCase.id] != nil else {
            throw StoreError.notFound(what: "test case", name: testCase.id)
        }
        testCaseByID[testCase.id]?.definition = testCase.definition
    }

    public func removeTestCase(id: String, epoch: Int64) throws {
        try fence(epoch)
        guard testCaseByID.removeValue(forKey: id) != nil else {
            throw StoreError.notFound(what: "test case", name: id)
        }
    }

    public func testRecords(ofBuild id: String) -> [TestRecord] {
        testRecords.filter { $0.build == id }
            .sorted { ($0.testedMilliseconds, $0.id) < ($1.testedMilliseconds, $1.id) }
    }

    // MARK: Audit

    public func record(_ entry: AuditEntry) { auditEntries.append(entry) }

    public func audit(limit: Int) -> [AuditEntry] { Array(auditEntries.reversed().prefix(limit)) }

    public func ping() {}
}

/// Names in the order of their bytes, as databases keep them.
func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
}

private func isNewer(_ a: Build, than b: Build) -> Bool {
    (a.submittedMilliseconds, a.id) > (b.submittedMilliseconds, b.id)
}
