import CoordinatorCore
import SQLKit

enum AuditTable {
    /// Schema 20.
    static let changes: [SchemaChange] = [
        .columns(["address longtext", "way longtext", "request longtext"], of: "audit"),
        .index("audit_time", on: "audit", "at_ms, id"),
    ]

    static let insert =
        "INSERT INTO audit (at_ms, actor, action, subject, detail, address, way, request) "
        + "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

    /// Stores entries that belong to a change, in its transaction. It may run again after its
    /// answer was lost; the entries are there then, all of them.
    static func insertOnce(
        _ entries: [AuditEntry], _ transaction: borrowing SQLTransaction
    ) throws {
        guard let first = entries.first, try transaction.first(same(first)) == nil else { return }
        for entry in entries { try transaction.execute(insert, values(entry)) }
    }

    private static func same(_ entry: AuditEntry) -> SQLSelect<Int64> {
        SQLSelect(
            "SELECT id FROM audit WHERE at_ms = ? AND actor = ? AND action = ? AND subject = ? "
                + "AND detail = ? AND COALESCE(request, '') = ? LIMIT 1",
            [
                .int(entry.atMilliseconds), .text(entry.actor), .text(entry.action),
                .text(entry.subject), .text(entry.detail),
                .text(entry.origin?.request ?? ""),
            ], of: RowOrigin(table: "audit")
        ) { try $0.int64("id") }
    }

    static func values(_ entry: AuditEntry) -> [SQLValue] {
        [
            .int(entry.atMilliseconds), .text(entry.actor), .text(entry.action),
            .text(entry.subject), .text(entry.detail), .text(orNull: entry.origin?.address),
            .text(orNull: entry.origin?.way), .text(orNull: entry.origin?.request),
        ]
    }

    /// Newest first, without its LIMIT.
    static func list(_ filter: AuditFilter) -> SQLSelect<AuditEntry> {
        var conditions = SQLConditions()
        conditions.equal("actor", filter.actor)
        conditions.equal("subject", filter.subject)
        if let action = filter.action {
            // `action LIKE 'host.%'`, in which no character of a stranger means anything.
            conditions.add(
                "(action = ? OR SUBSTR(action, 1, ?) = ?)",
                [.text(action), .int(action.unicodeScalars.count + 1), .text(action + ".")])
        }
        if let since = filter.sinceMilliseconds { conditions.add("at_ms >= ?", [.int(since)]) }
        if let until = filter.untilMilliseconds { conditions.add("at_ms < ?", [.int(until)]) }
        if let id = filter.beforeID { conditions.add("id < ?", [.int(id)]) }
        return all.with(conditions.sql + " ORDER BY id DESC", conditions.values)
    }

    private static let all = SQLSelect(
        "SELECT id, at_ms, actor, action, subject, detail, address, way, request FROM audit",
        of: RowOrigin(table: "audit")
    ) { row in
        let address = try row.textOrNil("address")
        return AuditEntry(
            id: try row.int64("id"), atMilliseconds: try row.int64("at_ms"),
            actor: try row.text("actor"), action: try row.text("action"),
            subject: try row.text("subject"), detail: try row.text("detail"),
            origin: try address.map {
                AuditOrigin(
                    address: $0, way: try row.textOrNil("way") ?? "",
                    request: try row.textOrNil("request") ?? "")
            })
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
