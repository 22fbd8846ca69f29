/// What is registered from a spreadsheet: the part of the farm's memory that `Store` extends.
public protocol RegistryStore: Sendable {
    /// Stores all of it or nothing.
    /// - Throws: `StoreError.exists` when a name that is to be new was taken meanwhile, `notFound`
    ///   when a row that is to be changed is gone; `deposed`.
    func register(_ batch: RegistryBatch) async throws
}

/// Rows to be stored together.
public struct RegistryBatch: Sendable, Hashable {
    public var newGuestOSes: [GuestOS] = []
    public var changedGuestOSes: [GuestOS] = []
    public var newTestCases: [TestCase] = []
    public var newEnvironments: [EnvironmentEntry] = []
    public var changedEnvironments: [EnvironmentEntry] = []
    public var epoch: Int64

    public init(epoch: Int64 = 0) { self.epoch = epoch }

    public var isEmpty: Bool {
        newGuestOSes.isEmpty && changedGuestOSes.isEmpty && newTestCases.isEmpty
            && newEnvironments.isEmpty && changedEnvironments.isEmpty
    }
}

/// An environment with the secret that belongs to it; `nil` keeps the one that is there.
public struct EnvironmentEntry: Sendable, Hashable {
    public var environment: ReleaseEnvironment
    public var secret: Secret?

    public init(environment: ReleaseEnvironment, secret: Secret? = nil) {
        self.environment = environment
        self.secret = secret
    }
}
