/// The audit log. It takes every entry, whoever leads.
public protocol AuditLog: Sendable {
    func record(_ entry: AuditEntry) async throws
    /// Newest first.
    func audit(limit: Int) async throws -> [AuditEntry]
}
