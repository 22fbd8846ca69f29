import CoordinatorCore
import SQLKit

/// The table `audit`.
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
}
