/// The farm's records, open to every coordinator for reading. In-memory, SQLite and MariaDB drivers
/// pass the same conformance suite.
///
/// Every method is atomic, and durable when it returns. Its caller bounds the length of each list.
public protocol Store: StoreReader, AuditLog {
    /// The store as the leader of this epoch writes to it.
    func leading(_ epoch: LeaseEpoch) -> any LeaderStore

    /// Returns once the store has answered, for `/readyz`.
    func ping() async throws
}
