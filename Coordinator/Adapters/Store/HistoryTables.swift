import CoordinatorCore
import SQLKit

/// What `history_days` removes, from the tables that grow with each build and each release.
enum HistoryTables {
    static func remove(
        before milliseconds: Int64, limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        // A build is kept as long as one of its releases, and a row of the historic tables as long
        // as what it is about.
        let counts = [
            try removeReleases(before: milliseconds, limit, transaction),
            try removeBuilds(before: milliseconds, limit, transaction),
            try removeBuildLog(before: milliseconds, limit, transaction),
            try removeReleaseLog(before: milliseconds, limit, transaction),
        ]
        return counts.max() ?? 0
    }

    /// The ids are read first: MariaDB does not delete from a table that it selects from.
    private static func ids(
        _ sql: String, _ values: [SQLValue], _ table: String,
        _ transaction: borrowing SQLTransaction
    ) throws -> [String] {
        try transaction.all(
            SQLSelect(sql, values, of: RowOrigin(table: table)) { try $0.text("id") })
    }

    private static func removeReleases(
        before milliseconds: Int64, _ limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        let old = try ids(
            "SELECT r.id FROM releases r WHERE r.live = 0 AND r.created_ms < ? "
                + "AND (r.state <> 'released' OR (SELECT COUNT(*) FROM releases n "
                + "WHERE n.environment = r.environment AND n.guestos = r.guestos "
                + "AND n.state = 'released' AND n.created_ms > r.created_ms) >= ?) "
                + "ORDER BY r.created_ms, r.id LIMIT ?",
            [.int(milliseconds), .int(HistoryRules.keptReleases), .int(limit)], "releases",
            transaction)
        for id in old { try transaction.execute("DELETE FROM releases WHERE id = ?", [.text(id)]) }
        return old.count
    }

    private static func removeBuilds(
        before milliseconds: Int64, _ limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        let old = try ids(
            "SELECT b.id FROM builds b WHERE b.live = 0 AND b.submitted_ms < ? "
                + "AND b.ended_ms < ? AND b.pruned_ms IS NOT NULL AND b.prune_pending = 0 "
                + "AND b.pinned = 0 AND NOT EXISTS (SELECT 1 FROM releases r WHERE r.build = b.id) "
                + "ORDER BY b.submitted_ms, b.id LIMIT ?",
            [.int(milliseconds), .int(milliseconds), .int(limit)], "builds", transaction)
        for id in old {
            for statement in [
                "DELETE FROM artifacts WHERE attempt IN "
                    + "(SELECT token FROM attempts WHERE build = ?)",
                "DELETE FROM remote_images WHERE build = ?",
                "DELETE FROM failures WHERE build = ?",
                "DELETE FROM test_log WHERE build_id = ?", "DELETE FROM attempts WHERE build = ?",
                "DELETE FROM builds WHERE id = ?",
            ] { try transaction.execute(statement, [.text(id)]) }
        }
        return old.count
    }

    /// With the results of other systems' tests.
    private static func removeBuildLog(
        before milliseconds: Int64, _ limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        let old = try ids(
            "SELECT l.id FROM build_log l WHERE l.build_at < ? "
                + "AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.id = l.id) "
                + "ORDER BY l.build_at, l.id LIMIT ?",
            [.text(SQLDateTime.text(milliseconds)), .int(limit)], "build_log", transaction)
        for id in old {
            try transaction.execute("DELETE FROM test_log WHERE build_id = ?", [.text(id)])
            try transaction.execute("DELETE FROM build_log WHERE id = ?", [.text(id)])
        }
        return old.count
    }

    private static func removeReleaseLog(
        before milliseconds: Int64, _ limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        let old = try ids(
            "SELECT l.id FROM release_log l WHERE l.release_at < ? "
                + "AND NOT EXISTS (SELECT 1 FROM releases r WHERE r.id = l.id) "
                + "ORDER BY l.release_at, l.id LIMIT ?",
            [.text(SQLDateTime.text(milliseconds)), .int(limit)], "release_log", transaction)
        for id in old {
            try transaction.execute("DELETE FROM release_log WHERE id = ?", [.text(id)])
        }
        return old.count
    }
}
