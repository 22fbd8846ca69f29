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

/// What all ways to write as the leader have in common.
public protocol RecordingWriter: Sendable {
    /// The same writes, each of which also stores these entries of the audit log: the change with
    /// its entries, or neither. A write that finds nothing to change stores none.
    ///
    /// What is stored in several steps (`SecretWriter.rotateKey`) stores none either.
    func recording(_ entries: [AuditEntry]) -> Self
}

extension RecordingWriter {
    public func recording(_ entry: AuditEntry) -> Self { recording([entry]) }
}

/// Shortens the audit log. Every method throws `StoreError.deposed` once another epoch leads.
public protocol AuditWriter: Sendable {
    /// Removes the oldest entries, at most `limit`, that were made before this time.
    /// - Returns: how many were removed.
    func removeAudit(before milliseconds: Int64, limit: Int) async throws -> Int
}
