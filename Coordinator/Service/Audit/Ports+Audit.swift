public import CoordinatorCore

extension Ports {
    /// A row that says who did what to what, for a change to be stored with.
    public func auditEntry(
        _ actor: String, _ action: String, _ subject: String, _ detail: String = ""
    ) -> AuditEntry {
        AuditEntry(
            atMilliseconds: clock.unixMilliseconds(), actor: AuditText.bounded(actor),
            action: action, subject: AuditText.bounded(subject),
            detail: AuditText.bounded(detail), origin: AuditOrigin.current)
    }

    /// - Parameter more: after the environment.
    func auditEntry(
        _ actor: String, _ action: String, of release: Release, _ more: String = ""
    ) -> AuditEntry {
        auditEntry(
            actor, action, "\(release.guestOS):\(release.buildNumber)", release.environment + more)
    }

    /// What a change replaces or removes, for its row; `nil` if it is not there, or damaged, which
    /// does not keep it.
    func formerly<T>(
        isolation: isolated (any Actor)? = #isolation, _ read: () async throws -> T?
    ) async throws -> T? {
        do { return try await read() } catch let error as StoreError where error.code == .unusable {
            return nil
        }
    }

    /// Records permanently who did what to what, of what the store has no change for.
    public func audit(
        _ actor: String, _ action: String, _ subject: String, _ detail: String = ""
    ) async throws {
        try await store.record(auditEntry(actor, action, subject, detail))
    }
}
