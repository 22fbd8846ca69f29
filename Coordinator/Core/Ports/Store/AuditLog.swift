/// The audit log. Every coordinator may write to it, not only the leader.
public protocol AuditLog: Sendable {
    func record(_ entry: AuditEntry) async throws
    /// Newest first.
    func audit(_ filter: AuditFilter, limit: Int) async throws -> [AuditEntry]
}

extension AuditLog {
    /// Newest first.
    public func audit(limit: Int) async throws -> [AuditEntry] {
        try await audit(AuditFilter(), limit: limit)
    }
}

/// Shortens the audit log. Every method throws `StoreError.deposed` once another epoch leads.
public protocol AuditWriter: Sendable {
    /// Removes the oldest entries, at most `limit`, that were made before this time.
    /// - Returns: how many were removed.
    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int
}
