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
        guard try transaction.query("SELECT id FROM leadership WHERE id = 1").isEmpty else {
            return
        }
        try transaction.execute(
            "INSERT INTO leadership (id, epoch, holder, url, expires_ms) VALUES (1, 0, '', '', 0)")
    }
}
