import BuildProtocol

/// Reads guest OSes and test cases.
public protocol CatalogReader: Sendable {
    func guestOS(named name: String) async throws -> GuestOS?
    /// By name, from the first name after `after`.
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS]
    /// By name, then id; those of every type if `osType` is `nil`.
    /// - Throws: `StoreError.unusable` if one cannot be read: no image may pass without it.
    func testCases(_ osType: OSType?) async throws -> [TestCase]
}

/// Writes guest OSes and test cases. Every method throws `StoreError.deposed` once another epoch
/// leads.
public protocol CatalogWriter: RecordingWriter {
    /// - Throws: `StoreError.exists` if the name is taken.
    func add(_ guestOS: GuestOS) async throws
    /// Replaces everything but the id and the name.
    /// - Throws: `StoreError.notFound`
    func update(_ guestOS: GuestOS) async throws
    /// Removes a guest OS that has no history.
    /// - Throws: `StoreError.notFound`, `StoreError.inUse` if it has builds.
    func removeGuestOS(named name: String) async throws
    /// - Throws: `StoreError.exists` if the name is taken for the OS type.
    func add(_ testCase: TestCase) async throws
    /// Replaces the definition; name and type are kept.
    /// - Throws: `StoreError.notFound`
    func define(_ testCase: TestCase) async throws
    /// Its results are kept.
    /// - Throws: `StoreError.notFound`
    func removeTestCase(id: String) async throws
    /// Renames what has no builds or releases: their images and addresses have the name.
    /// - Throws: `StoreError.notFound`, `StoreError.exists` if the new name is taken,
    ///   `StoreError.inUse`
    func rename(_ kind: RegisteredKind, _ name: String, to new: String) async throws
    /// Stores all of the batch or nothing.
    /// - Throws: `StoreError.exists` if the name of a new row was taken meanwhile, `notFound` if a
    ///   row to be changed is gone.
    func register(_ batch: RegistryBatch) async throws
}

/// What has a name that people choose.
public enum RegisteredKind: String, Sendable, Codable, CaseIterable {
    case guestOS = "guestos"
    case environment = "env"

    public var named: NamedKind { self == .guestOS ? .guestOS : .environment }
    public var title: String { named.rawValue }
}

extension StoreError {
    /// - Parameter guestOS: what is removed, and has builds.
    public static func hasBuilds(_ guestOS: String) -> StoreError {
        StoreError(
            .inUse,
            "The guest OS \(Names.quoted(guestOS)) cannot be removed: it has builds, which name it")
    }

    /// - Parameter kind: what is renamed, and has builds or releases.
    public static func isUsed(_ kind: RegisteredKind, _ name: String) -> StoreError {
        StoreError(
            .inUse,
            "The \(kind.title) \(Names.quoted(name)) cannot be renamed: it has "
                + (kind == .guestOS ? "builds" : "releases") + ", which name it")
    }
}

/// An environment with its secret; a `nil` secret keeps the stored one.
public struct EnvironmentEntry: Sendable, Hashable {
    public var environment: ReleaseEnvironment
    public var secret: Secret?

    public init(environment: ReleaseEnvironment, secret: Secret? = nil) {
        self.environment = environment
        self.secret = secret
    }
}

/// Rows of a spreadsheet that are stored together.
public struct RegistryBatch: Sendable, Hashable {
    public var newGuestOSes: [GuestOS] = []
    public var changedGuestOSes: [GuestOS] = []
    public var newTestCases: [TestCase] = []
    public var newEnvironments: [EnvironmentEntry] = []
    public var changedEnvironments: [EnvironmentEntry] = []

    public init() {}

    public var isEmpty: Bool {
        newGuestOSes.isEmpty && changedGuestOSes.isEmpty && newTestCases.isEmpty
            && newEnvironments.isEmpty && changedEnvironments.isEmpty
    }
}
