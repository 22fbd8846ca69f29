/// Writes guest OSes and test cases. Every method throws `StoreError.deposed` once another epoch
/// leads.
public protocol CatalogWriter: Sendable {
    /// - Throws: `StoreError.exists` if the name is taken.
    func add(_ guestOS: GuestOS) async throws
    /// Replaces everything but the id and the name.
    /// - Throws: `StoreError.notFound`
    func update(_ guestOS: GuestOS) async throws
    /// - Throws: `StoreError.exists` if the name is taken for the OS type.
    func add(_ testCase: TestCase) async throws
    /// Replaces the definition; name and type are kept.
    /// - Throws: `StoreError.notFound`
    func define(_ testCase: TestCase) async throws
    /// Its results are kept.
    /// - Throws: `StoreError.notFound`
    func removeTestCase(id: String) async throws
    /// Stores all of the batch or nothing.
    /// - Throws: `StoreError.exists` if the name of a new row was taken meanwhile, `notFound` if a
    ///   row to be changed is gone.
    func register(_ batch: RegistryBatch) async throws
}
