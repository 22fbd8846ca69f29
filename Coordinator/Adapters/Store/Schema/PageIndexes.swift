import SQLKit

/// Schema 10: recovery reads the live builds by id, page by page, and lists of builds in a state
/// use an index.
enum PageIndexes {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.createIndex("builds_live", on: "builds", "live, id")
        try transaction.createIndex("builds_state", on: "builds", "state, submitted_ms, id")
        // The coordinator keeps the queue in memory and orders it there.
        try transaction.dropIndex("builds_queue", on: "builds")
    }
}
