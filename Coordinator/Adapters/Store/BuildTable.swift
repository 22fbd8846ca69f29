import BuildProtocol
import CoordinatorCore
import SQLKit

enum BuildTable {
    private static let all = SQLSelect(
        BuildRow.select, of: RowOrigin(table: "builds"), BuildRow.build)

    // MARK: Questions

    static func find(_ id: String) -> SQLSelect<Build> { all.with("WHERE id = ?", [.text(id)]) }

    static func find(guestOS: String, number: Int) -> SQLSelect<Build> {
        all.with("WHERE guestos = ? AND number = ?", [.text(guestOS), .int(number)])
    }

    static func halfPruned(
        after: String?, limit: Int, _ access: SQLAccess
    ) async throws -> StorePage<Build> {
        try await access.page(
            byID: all.with("WHERE prune_pending = 1"), after: after, limit: limit,
            BuildRow.build)
    }

    static func page(
        _ filter: BuildFilter, limit: Int, _ access: SQLAccess
    ) async throws -> [Build] {
        if let prefix = filter.idPrefix {
            // Ids are in ASCII, and nothing of them comes after "~".
            let matching = all.with(
                "WHERE id >= ? AND id < ? ORDER BY id", [.text(prefix), .text(prefix + "~")])
            return try await access.usable(matching, limit: limit)
        }
        guard let states = filter.states, filter.guestOS == nil, !filter.isKept else {
            return try await section(filter, limit: limit, access)
        }
        // State by state, each in the order of its index: for several at once, a database sorts all
        // that match, or walks over all that do not.
        var builds: [Build] = []
        for state in states.sorted(by: { $0.rawValue < $1.rawValue }) {
            var one = filter
            one.states = [state]
            builds += try await section(one, limit: limit, access)
        }
        return Array(builds.sorted(by: isNewer).prefix(limit))
    }

    private static func isNewer(_ a: Build, _ b: Build) -> Bool {
        guard a.submittedMilliseconds == b.submittedMilliseconds else {
            return a.submittedMilliseconds > b.submittedMilliseconds
        }
        return b.id.utf8.lexicographicallyPrecedes(a.id.utf8)
    }

    private static func section(
        _ filter: BuildFilter, limit: Int, _ access: SQLAccess
    ) async throws -> [Build] {
        var conditions = SQLConditions()
        conditions.equal("guestos", filter.guestOS)
        conditions.isOne(of: filter.states, "state")
        if filter.isKept { conditions.add("pruned_ms IS NULL") }
        return try await access.page(
            of: all, time: "submitted_ms", conditions, after: filter.after,
            limit: limit)
    }

    static func live(
        after: String?, limit: Int, _ plans: PlanCache, _ access: SQLAccess
    ) async throws -> StorePage<RecordedBuild> {
        let page = try await access.page(
            byID: all.with("WHERE live = 1"), after: after, limit: limit
        ) { try BuildRow.build($0, plan: plans.plan) }
        if page.next == nil { plans.clear() }
        guard let last = page.next ?? page.rows.last?.id else {
            return StorePage(rows: [], next: nil)
        }
        let attempts = Dictionary(
            grouping: try await access.usable(
                AttemptTable.ofLiveBuilds(after: after, through: last)), by: \.build)
        return StorePage(
            rows: page.rows.map { RecordedBuild(build: $0, attempts: attempts[$0.id] ?? []) },
            next: page.next)
    }

    static func recentDurations(
        guestOS: String, stage: BuildStage, limit: Int
    ) -> SQLSelect<StageDuration> {
        SQLSelect(
            "SELECT a.token, a.host, a.ended_ms, a.left_ms, a.started_ms "
                + "FROM builds b JOIN attempts a ON a.build = b.id "
                + "WHERE b.guestos = ? AND b.state = 'passed' AND a.ended_ms IS NOT NULL "
                + "AND a.stage = ? AND a.fault_class IS NULL "
                + "ORDER BY b.ended_ms DESC, b.id DESC LIMIT ?",
            [.text(guestOS), .text(stage.rawValue), .int(limit)],
            of: RowOrigin(table: "attempts", key: "token")
        ) { row in
            StageDuration(
                startedMilliseconds: try row.int64("started_ms"),
                leftHostMilliseconds: try row.int64OrNil("left_ms"),
                endedMilliseconds: try row.int64("ended_ms"), host: try row.text("host"))
        }
    }

    // MARK: Changes

    static func enqueue(
        _ new: NewBuild, _ transaction: borrowing SQLTransaction
    ) throws -> (build: Build, isNew: Bool) {
        if let known = try transaction.first(find(new.id)) { return (known, false) }
        // The row's lock hands out the numbers one by one.
        try transaction.change(
            "UPDATE guestos SET last_number = last_number + 1 WHERE id = ?",
            [.text(new.guestOSID)], what: .guestOS, name: new.guestOS)
        let number = SQLSelect(
            "SELECT id, last_number FROM guestos WHERE id = ?", [.text(new.guestOSID)],
            of: RowOrigin(table: "guestos")
        ) { try $0.int("last_number") }
        let build = Build(new, number: try transaction.first(number) ?? 0)
        try transaction.execute(BuildRow.insert, BuildRow.insertValues(build))
        return (build, true)
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
            if let failure = change.failure(build) {
                try FailureTable.insert(failure, transaction)
            }
            try BuildLogTable.apply(change.buildLogChange(build), transaction)
            for record in change.testRecords(build) {
                try TestLogTable.insert(record, transaction)
            }
            for release in change.releases { try ReleaseTable.insertOnce(release, transaction) }
            for image in change.recordedImages {
                try RemoteImageTable.insert(image, transaction)
            }
            if change.withdrawsImage {
                try RemoteImageTable.release(
                    ofBuild: build.id, atMilliseconds: change.atMilliseconds, transaction)
            }
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
        let pruned = try set(
            "pruned_ms = ?, prune_pending = 1", [.int(atMilliseconds)], id, transaction
        ) { $0.isPrunable }
        if pruned != nil {
            try RemoteImageTable.release(
                ofBuild: id, atMilliseconds: atMilliseconds, transaction)
        }
        return pruned
    }

    static func endPrune(_ id: String, _ transaction: borrowing SQLTransaction) throws {
        _ = try set("prune_pending = 0", [], id, transaction) { _ in true }
        try AttemptTable.dropChunks(ofBuild: id, transaction)
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
