import SQLKit

/// Schema 3: the lease of the coordinator that leads. Its one row always exists, so that two
/// concurrent candidates serialize at its lock.
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
            // The row exists: this step was interrupted, or runs on two nodes at once.
            guard error.code == .constraintUnique else { throw error }
        }
    }
}
