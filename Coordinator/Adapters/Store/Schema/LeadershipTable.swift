import SQLKit

/// Schema 3: the lease of the coordinator that leads. Its one row is always there, so that two
/// that come at once meet at its lock.
enum LeadershipTable {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.createTable(
            "leadership",
            [
                "id integer NOT NULL", "epoch bigint NOT NULL", "holder varchar(64) NOT NULL",
                "url text NOT NULL", "expires_ms bigint NOT NULL",
            ], key: "id")
        do {
            try transaction.execute(
                "INSERT INTO leadership (id, epoch, holder, url, expires_ms) "
                    + "VALUES (1, 0, '', '', 0)")
        } catch {
            // It is there: this step was interrupted, or is done at two nodes at once.
            guard error.code == .constraintUnique else { throw error }
        }
    }
}
