public import BuildProtocol

/// The farm's memory. In-memory, SQLite and MariaDB drivers pass the same conformance suite.
///
/// Every method is atomic and durable when it returns. Lists are bounded by their callers. Every
/// change carries the epoch with which its coordinator leads, and throws `StoreError.deposed` where
/// another one leads by now: then nothing was changed. Only the audit log takes every word.
public protocol Store: ReleaseStore, HistoricStore, RegistryStore, RetentionStore {
    // Guest OSes
    /// - Throws: `StoreError.exists` when the name is taken.
    func add(_ guestOS: GuestOS, epoch: Int64) async throws
    /// Replaces all but the id and the name. - Throws: `StoreError.notFound`
    func update(_ guestOS: GuestOS, epoch: Int64) async throws
    func guestOS(named name: String) async throws -> GuestOS?
    /// By name, after `after`.
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS]

    // Hosts
    /// - Throws: `StoreError.exists` when the name is taken.
    func add(_ host: Host, epoch: Int64) async throws
    func hosts() async throws -> [Host]
    /// - Throws: `StoreError.notFound`
    func setDrained(_ drained: Bool, host: String, epoch: Int64) async throws
    /// - Throws: `StoreError.notFound`
    func removeHost(_ name: String, epoch: Int64) async throws

    // Builds
    /// Stores the build as queued and gives it the next number of its guest OS.
    func enqueue(_ build: NewBuild) async throws -> Build
    func build(id: String) async throws -> Build?
    func build(guestOS: String, number: Int) async throws -> Build?
    /// Newest first (submission time, then id).
    func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build]
    /// Every build that has not ended, in the queue's order: priority (high first), submission
    /// time, id. What recovery starts from.
    func liveBuilds() async throws -> [Build]
    /// The compare-and-set. `nil` when the build is not there, in another state, or owned by
    /// another attempt; nothing was changed then.
    func apply(_ change: BuildChange) async throws -> Build?
    /// Marks the wish; `nil` when the build has ended or is not there.
    func requestCancel(build: String, epoch: Int64) async throws -> Build?
    /// Oldest first.
    func attempts(ofBuild id: String) async throws -> [Attempt]
    func attempt(_ token: AttemptToken) async throws -> Attempt?
    func artifacts(of token: AttemptToken) async throws -> [Artifact]
    /// The historic `build_log`, newest first.
    func buildLog(guestOSID: String?, limit: Int) async throws -> [BuildLogEntry]
    /// Seconds that the last passed builds of the guest OS took to be built, newest first, at most
    /// `limit`.
    func recentDurationsSeconds(guestOS: String, limit: Int) async throws -> [Int]

    // Tests
    /// - Throws: `StoreError.exists` when the name is taken for the OS type.
    func add(_ testCase: TestCase, epoch: Int64) async throws
    /// By name; of all types where none is given.
    func testCases(_ osType: OSType?) async throws -> [TestCase]
    /// Changes what it does; its name and type stay. - Throws: `StoreError.notFound`
    func define(_ testCase: TestCase, epoch: Int64) async throws
    /// Its results stay. - Throws: `StoreError.notFound`
    func removeTestCase(id: String, epoch: Int64) async throws
    /// Oldest first.
    func testRecords(ofBuild id: String) async throws -> [TestRecord]

    // Audit
    func record(_ entry: AuditEntry) async throws
    /// Newest first.
    func audit(limit: Int) async throws -> [AuditEntry]

    /// Answers when the store can be reached; what `/readyz` asks.
    func ping() async throws
}

public struct BuildFilter: Sendable, Hashable {
    public var guestOS: String?
    public var states: Set<BuildState>?
    /// Only those whose image and logs are there.
    public var isKept = false
    /// The id of the last build of the page before.
    public var after: String?

    public init(guestOS: String? = nil, states: Set<BuildState>? = nil, after: String? = nil) {
        self.guestOS = guestOS
        self.states = states
        self.after = after
    }
}

/// A row of the historic table.
public struct BuildLogEntry: Sendable, Hashable, Codable {
    public var id: String
    public var imageName: String
    public var guestOSID: String
    public var builtMilliseconds: Int64
    public var updateContents: String
    public var getURL: String

    public init(
        id: String, imageName: String, guestOSID: String, builtMilliseconds: Int64,
        updateContents: String, getURL: String
    ) {
        self.id = id
        self.imageName = imageName
        self.guestOSID = guestOSID
        self.builtMilliseconds = builtMilliseconds
        self.updateContents = updateContents
        self.getURL = getURL
    }
}

public enum StoreError: Error, Sendable, Hashable {
    /// A guest OS or host of this name is there already.
    case exists(what: String, name: String)
    case notFound(what: String, name: String)
    /// The database cannot be used now; the sentence says why and what to do.
    case unavailable(String)
    /// Another coordinator leads; nothing was changed.
    case deposed(Lease)
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exists(let what, let name): "there is a \(what) named '\(name)' already"
        case .notFound(let what, let name): "there is no \(what) named '\(name)'"
        case .unavailable(let why): why
        case .deposed(let lease):
            "another coordinator leads: \(lease.url) (epoch \(lease.epoch))"
        }
    }
}
