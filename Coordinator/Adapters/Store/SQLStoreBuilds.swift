import BuildProtocol
public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func enqueue(_ new: NewBuild) async throws -> Build {
        let stored = try await repeatable { transaction -> Build? in
            try Self.fence(new.epoch, transaction)
            let known = try transaction.query(BuildRow.select + " WHERE id = ?", [.text(new.id)])
            if let row = known.first { return try BuildRow.build(row) }
            // The row's lock hands out the numbers one by one.
            let count = try transaction.execute(
                "UPDATE guestos SET last_number = last_number + 1 WHERE id = ?",
                [.text(new.guestOSID)])
            let rows = try transaction.query(
                "SELECT last_number FROM guestos WHERE id = ?", [.text(new.guestOSID)])
            guard count == 1, let row = rows.first else { return nil }
            let build = Build(new, number: try row.int("last_number"))
            try transaction.execute(BuildRow.insert, BuildRow.insertValues(build))
            return build
        }
        guard let stored else { throw StoreError.notFound(what: "guest OS", name: new.guestOS) }
        return stored
    }

    public func build(id: String) async throws -> Build? {
        try await query(BuildRow.select + " WHERE id = ?", [.text(id)], BuildRow.build).first
    }

    public func build(guestOS: String, number: Int) async throws -> Build? {
        try await query(
            BuildRow.select + " WHERE guestos = ? AND number = ?", [.text(guestOS), .int(number)],
            BuildRow.build
        ).first
    }

    public func builds(_ filter: BuildFilter, limit: Int) async throws -> [Build] {
        var conditions: [String] = []
        var values: [SQLValue] = []
        if let guestOS = filter.guestOS {
            conditions.append("guestos = ?")
            values.append(.text(guestOS))
        }
        if let states = filter.states {
            guard !states.isEmpty else { return [] }
            conditions.append("state IN (" + states.map { _ in "?" }.joined(separator: ", ") + ")")
            values += states.map(\.rawValue).sorted().map(SQLValue.text)
        }
        if filter.isKept { conditions.append("pruned_ms IS NULL") }
        if let after = filter.after {
            let rows = try await query(
                "SELECT submitted_ms FROM builds WHERE id = ?", [.text(after)])
            guard let last = try rows.first?.int64("submitted_ms") else { return [] }
            // Row values, (a, b) < (c, d), would not use the index in MariaDB.
            conditions.append("submitted_ms <= ? AND (submitted_ms < ? OR id < ?)")
            values += [.int(last), .int(last), .text(after)]
        }
        let condition =
            conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return try await query(
            BuildRow.select + condition + " ORDER BY submitted_ms DESC, id DESC LIMIT ?",
            values + [.int(limit)], BuildRow.build)
    }

    public func liveBuilds() async throws -> [Build] {
        // Builds of one commit have one plan: of a hundred thousand builds it is decoded, and held
        // in memory, a few times.
        var plans: [String: BuildPlan] = [:]
        return try await query(
            BuildRow.select + " WHERE live = 1 ORDER BY priority DESC, submitted_ms, id"
        ) { row in
            try BuildRow.build(row) { text in
                if let known = plans[text] { return known }
                let plan = try StoredJSON.decode(BuildPlan.self, text)
                plans[text] = plan
                return plan
            }
        }
    }

    public func apply(_ change: BuildChange) async throws -> Build? {
        return try await repeatable { transaction in
            try Self.fence(change.epoch, transaction)
            let rows = try transaction.query(
                BuildRow.select + " WHERE id = ?" + transaction.forUpdate, [.text(change.build)])
            guard let build = try rows.first.map(BuildRow.build) else { return nil }
            switch change.effect(on: build) {
            case .refused: return nil
            case .applied: return build
            case .changed(let changed):
                try transaction.execute(BuildRow.update, BuildRow.updateValues(changed))
                if let begin = change.begin { try AttemptRow.begin(begin, transaction) }
                if let owner = change.owner, let end = change.end {
                    try AttemptRow.end(owner, end, change.atMilliseconds, transaction)
                }
                try BuildLogRow.apply(
                    change.buildLogChange(build), guestOS: build.guestOS, transaction)
                for record in change.testRecords(build) {
                    try TestRow.insert(record, transaction)
                }
                for release in change.releases { try ReleaseRow.insert(release, transaction) }
                return changed
            }
        }
    }

    public func requestCancel(build id: String, epoch: Int64) async throws -> Build? {
        return try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            let rows = try transaction.query(
                BuildRow.select + " WHERE id = ?" + transaction.forUpdate, [.text(id)])
            guard var build = try rows.first.map(BuildRow.build), !build.state.isEnded else {
                return nil
            }
            build.cancelRequested = true
            try transaction.execute(BuildRow.update, BuildRow.updateValues(build))
            return build
        }
    }

    public func recentDurationsSeconds(guestOS: String, limit: Int) async throws -> [Int] {
        try await query(
            "SELECT a.ended_ms, a.started_ms FROM builds b JOIN attempts a ON a.build = b.id "
                + "WHERE b.guestos = ? AND b.state = 'passed' AND a.ended_ms IS NOT NULL "
                + "AND a.stage = 'build' AND a.fault_class IS NULL "
                + "ORDER BY b.ended_ms DESC, b.id DESC LIMIT ?", [.text(guestOS), .int(limit)]
        ) { row in
            Int(max(0, try row.int64("ended_ms") - (try row.int64("started_ms"))) / 1000)
        }
    }
}
