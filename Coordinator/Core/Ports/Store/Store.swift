/// The farm's records, which every coordinator may read. The in-memory, SQLite and MariaDB drivers
/// pass the same conformance suite.
///
/// Every method is atomic, and its effect durable when it returns. Callers limit the length of each
/// list.
public protocol Store: StoreReader, AuditLog {
    /// The writes of the leader with this epoch.
    func leading(_ epoch: LeaseEpoch) -> any LeaderStore

    /// Returns once the store has responded, for `/readyz`.
    func ping() async throws
}
