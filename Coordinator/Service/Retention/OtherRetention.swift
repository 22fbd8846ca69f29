import CoordinatorCore

/// Removes what grows beside images and logs.
struct OtherRetention {
    let ports: Ports
    let store: any AuditWriter & HistoryWriter

    /// - Parameter templates: digests of the templates of all builds that are kept.
    /// - Returns: what could not be removed.
    /// - Throws: `StoreError` if nothing can be removed now.
    func run(
        _ policy: RetentionPolicy, keeping templates: Set<String>
    ) async throws -> [RetentionReport.Failure] {
        var failures: [RetentionReport.Failure] = []
        let now = ports.clock.unixMilliseconds()
        do { try await removeAudit(before: policy.auditBegin(nowMilliseconds: now)) } catch {
            failures.append(try .init("old entries of the audit log", error))
        }
        do { try await removeHistory(before: policy.historyBegin(nowMilliseconds: now)) } catch {
            failures.append(try .init("old rows of builds and releases", error))
        }
        do { try await ports.templates.sweep(keeping: templates, nowMilliseconds: now) } catch {
            failures.append(try .init("unused templates", error))
        }
        return failures
    }

    private func removeAudit(before begin: Int64) async throws {
        let limit = ports.limits.pageRows
        while try await store.removeAudit(before: begin, limit: limit) == limit,
            !Task.isCancelled
        {}
    }

    private func removeHistory(before begin: Int64) async throws {
        let limit = ports.limits.historyRows
        while try await store.removeHistory(before: begin, limit: limit) == limit,
            !Task.isCancelled
        {}
    }
}
