import BuildProtocol
import CoordinatorCore
import SQLKit

/// The table `builds`.
enum BuildTable {
    private static let all = SQLSelect(BuildRow.select, [], BuildRow.build)

    // MARK: Questions

    static func find(_ id: String) -> SQLSelect<Build> { all.with("WHERE id = ?", [.text(id)]) }

    static func find(guestOS: String, number: Int) -> SQLSelect<Build> {
        all.with("WHERE guestos = ? AND number = ?", [.text(guestOS), .int(number)])
    }

    static let halfPruned = all.with("WHERE prune_pending = 1 ORDER BY id")

    static func page(
        _ filter: BuildFilter, limit: Int, _ access: SQLAccess
    ) async throws -> [Build] {
        var conditions = SQLConditions()
        conditions.equal("guestos", filter.guestOS)
        conditions.isOne(of: filter.states, "state")
        if filter.isKept { conditions.add("pruned_ms IS NULL") }
        return try await access.page(
            of: all, table: "builds", time: "submitted_ms", conditions, after: filter.after,
            limit: limit)
    }

    static func live(_ access: SQLAccess) async throws -> [Build] {
        // Builds of one commit share a plan: of a hundred thousand builds it is decoded, and held
        // in memory, a few times.
        var plans: [String: BuildPlan] = [:]
        return try await access.all(
            all.with("WHERE live = 1 ORDER BY priority DESC, submitted_ms, id")
        ) { row in
            try BuildRow.build(row) { text in
                if let known = plans[text] { return known }
                let plan = try StoredJSON.decode(BuildPlan.self, text)
                plans[text] = plan
                return plan
            }
        }
    }

    static func recentDurationsSeconds(guestOS: String, limit: Int) -> SQLSelect<Int> {
        SQLSelect(
            "SELECT a.ended_ms, a.started_ms FROM builds b JOIN attempts a ON a.build = b.id "
                + "WHERE b.guestos = ? AND b.state = 'passed' AND a.ended_ms IS NOT NULL "
                + "AND a.stage = 'build' AND a.fault_class IS NULL "
                + "ORDER BY b.ended_ms DESC, b.id DESC LIMIT ?", [.text(guestOS), .int(limit)]
        ) { row in
            Int(max(0, try row.int64("ended_ms") &- (try row.int64("started_ms"))) / 1000)
        }
    }

    // MARK: Changes

    static func enqueue(
        _ new: NewBuild, _ transaction: borrowing SQLTransaction
    ) throws -> Build {
        if let known = try transaction.first(find(new.id)) { return known }
        // The row's lock hands out the numbers one by one.
        try transaction.change(
            "UPDATE guestos SET last_number = last_number + 1 WHERE id = ?",
            [.text(new.guestOSID)], what: "guest OS", name: new.guestOS)
        let number = SQLSelect(
            "SELECT last_number FROM guestos WHERE id = ?", [.text(new.guestOSID)]
        ) { try $0.int("last_number") }
        let build = Build(new, number: try transaction.first(number) ?? 0)
        try transaction.execute(BuildRow.insert, BuildRow.insertValues(build))
        return build
    }

    static func apply(
        _ change: BuildChange, _ transaction: borrowing SQLTransaction
    ) throws -> Build? {
        guard let build = try transaction.firstLocked(find(change.build)) else { return nil }
        switch change.effect(on: build) {
        case .refused: return nil
        case .applied: return build
        case .changed(let changed):
            try transaction.execute(BuildRow.update, BuildRow.updateValues(changed))
            if let begin = change.begin { try AttemptTable.begin(begin, transaction) }
            if let owner = change.owner, let end = change.end {
                try AttemptTable.end(owner, end, change.atMilliseconds, transaction)
            }
            try BuildLogTable.apply(
                change.buildLogChange(build), guestOS: build.guestOS, transaction)
            for record in change.testRecords(build) {
                try TestLogTable.insert(record, transaction)
            }
            for release in change.releases { try ReleaseTable.insertOnce(release, transaction) }
            return changed
        }
    }

    static func requestCancel(
        _ id: String, _ transaction: borrowing SQLTransaction
    ) throws -> Build? {
        try set("cancel_requested = 1", [], id, transaction) { !$0.state.isEnded }
    }

    static func setPinned(
        _ isPinned: Bool, _ id: String, _ transaction: borrowing SQLTransaction
    ) throws -> Build? {
        try set("pinned = ?", [.bool(isPinned)], id, transaction) { $0.prunedMilliseconds == nil }
    }

    static func beginPrune(
        _ id: String, atMilliseconds: Int64, _ transaction: borrowing SQLTransaction
    ) throws -> Build? {
        try set(
            "pruned_ms = ?, prune_pending = 1", [.int(atMilliseconds)], id, transaction
        ) { $0.isPrunable }
    }

    static func endPrune(_ id: String, _ transaction: borrowing SQLTransaction) throws {
        _ = try set("prune_pending = 0", [], id, transaction) { _ in true }
    }

    /// - Returns: the build as the change leaves it; `nil` if it does not exist or may not change.
    private static func set(
        _ assignments: String, _ values: [SQLValue], _ id: String,
        _ transaction: borrowing SQLTransaction, if isAllowed: (Build) -> Bool
    ) throws -> Build? {
        guard let build = try transaction.firstLocked(find(id)), isAllowed(build) else {
            return nil
        }
        try transaction.execute(
            "UPDATE builds SET \(assignments) WHERE id = ?", values + [.text(id)])
        return try transaction.first(find(id))
    }
}
