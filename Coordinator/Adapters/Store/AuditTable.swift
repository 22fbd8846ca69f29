import CoordinatorCore
import SQLKit

enum AuditTable {
    static let insert =
        "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)"

    static func values(_ entry: AuditEntry) -> [SQLValue] {
        [
            .int(entry.atMilliseconds), .text(entry.actor), .text(entry.action),
            .text(entry.subject), .text(entry.detail),
        ]
    }

    static let newest = SQLSelect(
        "SELECT id, at_ms, actor, action, subject, detail FROM audit ORDER BY id DESC",
        of: RowOrigin(table: "audit")
    ) { row in
        AuditEntry(
            atMilliseconds: try row.int64("at_ms"), actor: try row.text("actor"),
            action: try row.text("action"), subject: try row.text("subject"),
            detail: try row.text("detail"))
    }

    static func remove(
        before milliseconds: Int64, limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        // By id, the order in which they were made: the table has no index of times.
        let oldest = SQLSelect(
            "SELECT id, at_ms FROM audit ORDER BY id LIMIT ?", [.int(limit)],
            of: RowOrigin(table: "audit")
        ) { (id: try $0.int64("id"), atMilliseconds: try $0.int64("at_ms")) }
        let old = try transaction.all(oldest).prefix { $0.atMilliseconds < milliseconds }
        guard let last = old.last else { return 0 }
        return try transaction.execute("DELETE FROM audit WHERE id <= ?", [.int(last.id)])
    }
}
