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
