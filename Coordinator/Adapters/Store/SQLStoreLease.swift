public import CoordinatorCore
import SQLKit

extension SQLStore: LeaseStore {
    public func campaign(_ candidate: Candidate) async throws -> Lease {
        try await repeatable { transaction in
            let (lease, now) = try Self.lease(transaction, transaction.forUpdate)
            let next = lease.after(candidate, nowMilliseconds: now)
            if next != lease { try Self.write(next, transaction) }
            return next
        }
    }

    public func resign(epoch: Int64) async throws {
        try await execute("UPDATE leadership SET expires_ms = 0 WHERE epoch = ?", [.int(epoch)])
    }

    /// In the transaction of the change, so that a coordinator which was deposed while it stood
    /// still changes nothing any more.
    /// - Throws: `StoreError.deposed`
    static func fence(_ epoch: Int64, _ transaction: borrowing SQLTransaction) throws {
        let (lease, _) = try lease(transaction)
        guard lease.epoch == epoch else { throw StoreError.deposed(lease) }
    }

    /// The lease, and the database's time.
    private static func lease(
        _ transaction: borrowing SQLTransaction, _ lock: String = ""
    ) throws -> (Lease, nowMilliseconds: Int64) {
        let now =
            switch transaction.dialect {
            case .mariadb: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
            case .sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
            }
        let rows = try transaction.query(
            "SELECT epoch, holder, url, expires_ms, \(now) AS now_ms FROM leadership "
                + "WHERE id = 1" + lock)
        guard let row = rows.first else {
            throw StoreError.unavailable(
                "the row with id 1 of the table leadership was deleted: put it back "
                    + "(1, 0, '', '', 0)")
        }
        let lease = Lease(
            epoch: try row.int64("epoch"), holder: try row.text("holder"),
            url: try row.text("url"), expiresMilliseconds: try row.int64("expires_ms"))
        return (lease, try row.int64("now_ms"))
    }

    private static func write(_ lease: Lease, _ transaction: borrowing SQLTransaction) throws {
        try transaction.execute(
            "UPDATE leadership SET epoch = ?, holder = ?, url = ?, expires_ms = ? WHERE id = 1",
            [
                .int(lease.epoch), .text(lease.holder), .text(lease.url),
                .int(lease.expiresMilliseconds),
            ])
    }
}
