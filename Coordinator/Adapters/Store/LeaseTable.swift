import CoordinatorCore
import SQLKit

/// The table `leadership`, with its one row.
enum LeaseTable {
    static func campaign(
        _ candidate: Candidate, _ transaction: borrowing SQLTransaction
    ) throws -> Lease {
        let row = try held(
            transaction.firstLocked(select(transaction.dialect)))
        let next = row.lease.after(candidate, nowMilliseconds: row.nowMilliseconds)
        guard next != row.lease else { return next }
        try transaction.execute(
            "UPDATE leadership SET epoch = ?, holder = ?, url = ?, expires_ms = ? WHERE id = 1",
            [
                .int(next.epoch), .text(next.holder), .text(next.url),
                .int(next.expiresMilliseconds),
            ])
        if next.epoch != row.lease.epoch { try FenceTable.set(next.epoch, transaction) }
        return next
    }

    /// Keeps this epoch leading until the transaction ends.
    /// - Throws: `StoreError.deposed` unless this epoch leads.
    static func fence(_ epoch: LeaseEpoch, _ transaction: borrowing SQLTransaction) throws {
        if try FenceTable.hold(epoch, transaction) { return }
        let lease = try held(transaction.first(select(transaction.dialect))).lease
        guard lease.epoch == epoch.number else { throw StoreError.deposed(lease) }
        throw StoreError(
            .unavailable,
            "rows of the table leadership_fences were deleted or changed. Restart the coordinator "
                + "that leads: it puts them back")
    }

    private struct Row: Sendable {
        var lease: Lease
        /// The database's time.
        var nowMilliseconds: Int64
    }

    private static func select(_ dialect: SQLDialect) -> SQLSelect<Row> {
        let now =
            switch dialect {
            case .mariadb: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
            case .sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
            }
        return SQLSelect(
            "SELECT id, epoch, holder, url, expires_ms, \(now) AS now_ms FROM leadership "
                + "WHERE id = 1", of: RowOrigin(table: "leadership")
        ) { row in
            Row(
                lease: Lease(
                    epoch: try row.int64("epoch"), holder: try row.text("holder"),
                    url: try row.text("url"), expiresMilliseconds: try row.int64("expires_ms")),
                nowMilliseconds: try row.int64("now_ms"))
        }
    }

    private static func held(_ row: Row?) throws -> Row {
        guard let row else {
            throw StoreError(
                .unavailable,
                "the row with id 1 of the table leadership was deleted. Put it back: "
                    + "INSERT INTO leadership VALUES (1, 0, '', '', 0)")
        }
        return row
    }
}
