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

    static func newest(limit: Int) -> SQLSelect<AuditEntry> {
        SQLSelect(
            "SELECT at_ms, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?",
            [.int(limit)]
        ) { row in
            AuditEntry(
                atMilliseconds: try row.int64("at_ms"), actor: try row.text("actor"),
                action: try row.text("action"), subject: try row.text("subject"),
                detail: try row.text("detail"))
        }
    }
}
