import BuildProtocol
import CoordinatorCore
import SQLKit

/// The table `commit_statuses`: whose status has to be sent to a Git server.
enum StatusTable {
    /// Schema 15.
    static let changes: [SchemaChange] = [
        .table(
            "commit_statuses",
            [
                "build varchar(36) NOT NULL", "revision bigint NOT NULL", "tries integer NOT NULL",
                "not_before_ms bigint NOT NULL",
            ], key: "build"),
        .index("commit_statuses_due", on: "commit_statuses", "not_before_ms, build"),
    ]

    static func due(atMilliseconds now: Int64, limit: Int) -> SQLSelect<StatusObligation> {
        SQLSelect(
            "SELECT build, revision, tries, not_before_ms FROM commit_statuses "
                + "WHERE not_before_ms <= ? OR not_before_ms > ? "
                + "ORDER BY not_before_ms, build LIMIT ?",
            [.int(now), .int(now + DeliveryRules.longestWaitMilliseconds), .int(limit)],
            of: RowOrigin(table: "commit_statuses", key: "build")
        ) { row in
            StatusObligation(
                build: try row.text("build"), revision: try row.int("revision"),
                tries: min(max(0, try row.int("tries")), CountBound.range.upperBound),
                notBeforeMilliseconds: try row.int64("not_before_ms"))
        }
    }

    static func owe(_ build: String, _ transaction: borrowing SQLTransaction) throws {
        let changed = try transaction.execute(
            "UPDATE commit_statuses SET revision = revision + 1, tries = 0, not_before_ms = 0 "
                + "WHERE build = ?", [.text(build)])
        guard changed == 0 else { return }
        try transaction.execute(
            "INSERT INTO commit_statuses (build, revision, tries, not_before_ms) "
                + "VALUES (?, 0, 0, 0)", [.text(build)])
    }

    static func postpone(
        _ status: StatusObligation, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE commit_statuses SET tries = ?, not_before_ms = ? "
                + "WHERE build = ? AND revision = ?",
            [
                .int(status.tries), .int(status.notBeforeMilliseconds), .text(status.build),
                .int(status.revision),
            ])
    }

    static func settle(
        _ status: StatusObligation, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "DELETE FROM commit_statuses WHERE build = ? AND revision = ?",
            [.text(status.build), .int(status.revision)])
    }
}
