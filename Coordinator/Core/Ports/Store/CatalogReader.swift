/// Reads guest OSes and test cases.
public protocol CatalogReader: Sendable {
    func guestOS(named name: String) async throws -> GuestOS?
    /// By name, from the first name after `after`.
    func guestOSes(after: String?, limit: Int) async throws -> [GuestOS]
    /// By name, then id; those of every type if `osType` is `nil`.
    func testCases(_ osType: OSType?) async throws -> [TestCase]
}
