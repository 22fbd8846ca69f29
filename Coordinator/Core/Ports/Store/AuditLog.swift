/// The audit log. Every coordinator may write to it, not only the leader.
public protocol AuditLog: Sendable {
    func record(_ entry: AuditEntry) async throws
    /// Newest first.
    func audit(limit: Int) async throws -> [AuditEntry]
}
