import CoordinatorCore
import SQLKit

/// The table `notifications`: what has to be sent to people, and what was.
enum NotificationTable {
    /// Schema 18.
    static let changes: [SchemaChange] = [
        .countedTable(
            "notifications",
            [
                "place varchar(128) NOT NULL", "event varchar(128) NOT NULL",
                "state integer NOT NULL", "at_ms bigint NOT NULL", "sent_ms bigint",
                "document longtext NOT NULL",
            ]),
        .index("notifications_event", on: "notifications", "place, event", isUnique: true),
        .index("notifications_place", on: "notifications", "place, state, id"),
        .index("notifications_old", on: "notifications", "state, at_ms, id"),
    ]

    private enum State: Int { case waiting, sent, givenUp }

    private static let origin = RowOrigin(table: "notifications")

    /// Without its LIMIT.
    static func waiting(to place: String) -> SQLSelect<OwedNotification> {
        SQLSelect(
            "SELECT id, place, document FROM notifications WHERE place = ? AND state = ? "
                + "ORDER BY id",
            [.text(place), .int(State.waiting.rawValue)], of: origin
        ) { row in
            OwedNotification(
                id: try row.int("id"), place: try row.text("place"),
                notification: try StoredJSON.decode(Notification.self, row.text("document")))
        }
    }

    static let counts = SQLSelect(
        "SELECT place, COUNT(CASE WHEN state = 0 THEN 1 END) AS waiting, "
            + "MAX(sent_ms) AS sent_ms FROM notifications GROUP BY place ORDER BY place",
        [], of: RowOrigin(table: "notifications", key: "place")
    ) { row in
        NotificationCount(
            place: try row.text("place"), waiting: try row.int("waiting"),
            sentMilliseconds: try row.int64OrNil("sent_ms"))
    }

    static func add(
        _ notifications: [OwedNotification], _ transaction: borrowing SQLTransaction
    ) throws {
        for owed in notifications {
            let event = owed.notification.id
            let known = SQLSelect(
                "SELECT id FROM notifications WHERE place = ? AND event = ?",
                [.text(owed.place), .text(event)], of: origin
            ) { try $0.int("id") }
            guard try transaction.all(known).isEmpty else { continue }
            try transaction.execute(
                "INSERT INTO notifications (place, event, state, at_ms, document) "
                    + "VALUES (?, ?, ?, ?, ?)",
                [
                    .text(owed.place), .text(event), .int(State.waiting.rawValue),
                    .int(owed.notification.atMilliseconds),
                    try StoredJSON.encode(owed.notification),
                ])
        }
    }

    static func settle(
        _ ids: [Int], sent milliseconds: Int64?, _ transaction: borrowing SQLTransaction
    ) throws {
        let state = milliseconds == nil ? State.givenUp : .sent
        for id in ids {
            try transaction.execute(
                "UPDATE notifications SET state = ?, sent_ms = ? WHERE id = ?",
                [.int(state.rawValue), .int(orNull: milliseconds), .int(id)])
        }
    }

    static func giveUp(
        before milliseconds: Int64, limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        let ids = try old(.waiting, before: milliseconds, limit: limit, transaction)
        try settle(ids, sent: nil, transaction)
        return ids.count
    }

    static func remove(
        before milliseconds: Int64, limit: Int, _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        var removed = 0
        for state in [State.sent, .givenUp] {
            for id in try old(state, before: milliseconds, limit: limit - removed, transaction) {
                try transaction.execute("DELETE FROM notifications WHERE id = ?", [.int(id)])
                removed += 1
            }
        }
        return removed
    }

    private static func old(
        _ state: State, before milliseconds: Int64, limit: Int,
        _ transaction: borrowing SQLTransaction
    ) throws -> [Int] {
        try transaction.all(
            SQLSelect(
                "SELECT id FROM notifications WHERE state = ? AND at_ms < ? "
                    + "ORDER BY at_ms, id LIMIT ?",
                [.int(state.rawValue), .int(milliseconds), .int(limit)], of: origin
            ) { try $0.int("id") })
    }
}
