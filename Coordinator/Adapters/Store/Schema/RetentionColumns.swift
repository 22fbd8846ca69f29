import SQLKit

/// Schema 7: pinned and pruned builds.
enum RetentionColumns {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.addColumns(
            [
                ("pinned", "integer NOT NULL DEFAULT 0"), ("pruned_ms", "bigint"),
                // The build counts as pruned, and its files may still exist.
                ("prune_pending", "integer NOT NULL DEFAULT 0"),
            ], to: "builds")
        try transaction.createIndex("builds_prune", on: "builds", "prune_pending, id")
        try transaction.createIndex("builds_kept", on: "builds", "pruned_ms, submitted_ms, id")
    }
}
