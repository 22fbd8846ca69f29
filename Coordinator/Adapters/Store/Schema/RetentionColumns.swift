import SQLKit

/// Schema 7: what a person keeps, and what was removed.
enum RetentionColumns {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.addColumns(
            [
                ("pinned", "integer NOT NULL DEFAULT 0"), ("pruned_ms", "bigint"),
                // The row says that it is gone, its files may be there yet.
                ("prune_pending", "integer NOT NULL DEFAULT 0"),
            ], to: "builds")
        try transaction.createIndex("builds_prune", on: "builds", "prune_pending, id")
        try transaction.createIndex("builds_kept", on: "builds", "pruned_ms, submitted_ms, id")
    }
}
