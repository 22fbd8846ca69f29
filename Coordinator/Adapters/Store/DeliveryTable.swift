import BuildProtocol
import CoordinatorCore
import SQLKit
import TextKit

/// The table `deliveries`: what hooks reported.
enum DeliveryTable {
    /// Schema 15.
    static let changes: [SchemaChange] = [
        .countedTable(
            "deliveries",
            [
                "hook varchar(128) NOT NULL", "delivery_key varchar(128) NOT NULL",
                "state varchar(32) NOT NULL", "received_ms bigint NOT NULL",
                "not_before_ms bigint NOT NULL", "document longtext NOT NULL",
                "payload longtext NOT NULL",
            ]),
        // The same delivery sent again is found by it, also by two coordinators at once.
        .index(
            "deliveries_key", on: "deliveries", "hook, delivery_key", isUnique: true),
        .index("deliveries_due", on: "deliveries", "state, not_before_ms, id"),
        .index("deliveries_hook", on: "deliveries", "hook, id"),
    ]

    private static let origin = RowOrigin(table: "deliveries")
    private static let columns = "id, document"

    private static func select(_ clauses: String, _ values: [SQLValue]) -> SQLSelect<Delivery> {
        SQLSelect("SELECT \(columns) FROM deliveries \(clauses)", values, of: origin) { row in
            var delivery = try StoredJSON.decode(Delivery.self, row.text("document"))
            delivery.id = try row.int("id")
            return delivery
        }
    }

    static func find(_ id: Int) -> SQLSelect<Delivery> { select("WHERE id = ?", [.int(id)]) }

    static func payload(of id: Int) -> SQLSelect<String> {
        SQLSelect("SELECT id, payload FROM deliveries WHERE id = ?", [.int(id)], of: origin) {
            try $0.text("payload")
        }
    }

    /// Without its LIMIT.
    static func list(_ filter: DeliveryFilter) -> SQLSelect<Delivery> {
        var conditions = SQLConditions()
        conditions.equal("hook", filter.hook)
        conditions.isOne(of: filter.states, "state")
        if let after = filter.after { conditions.add("id < ?", [.int(after)]) }
        return select(conditions.sql + " ORDER BY id DESC", conditions.values)
    }

    /// Without its LIMIT.
    static func due(atMilliseconds now: Int64, after: Int?) -> SQLSelect<Delivery> {
        select(
            "WHERE state = ? AND id > ? AND (not_before_ms <= ? OR not_before_ms > ?) ORDER BY id",
            [
                .text(Delivery.State.queued.rawValue), .int(after ?? 0), .int(now),
                .int(now + DeliveryRules.longestWaitMilliseconds),
            ])
    }

    static func receive(
        _ delivery: Delivery, _ payload: String, recording entry: ((Int) -> AuditEntry)?,
        _ transaction: borrowing SQLTransaction
    ) throws -> Delivery {
        let stored = try receive(delivery, payload, transaction)
        if let entry { try AuditTable.insertOnce([entry(stored.id)], transaction) }
        return stored
    }

    private static func receive(
        _ delivery: Delivery, _ payload: String, _ transaction: borrowing SQLTransaction
    ) throws -> Delivery {
        let known = select(
            "WHERE hook = ? AND delivery_key = ?", [.text(delivery.hook), .text(delivery.key)])
        if let known = try transaction.all(known).first { return known }
        do throws(SQLError) {
            try transaction.execute(
                "INSERT INTO deliveries (hook, delivery_key, state, received_ms, not_before_ms, "
                    + "document, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    .text(delivery.hook), .text(delivery.key), .text(delivery.state.rawValue),
                    .int(delivery.receivedMilliseconds), .int(delivery.notBeforeMilliseconds),
                    .text(document(delivery)),
                    .text(payload.prefixOfUTF8(DeliveryRules.payloadBytes)),
                ])
        } catch {
            // Another coordinator received it meanwhile.
            guard error.code == .constraintUnique else { throw error }
        }
        guard let stored = try transaction.all(known).first else {
            throw StoreError(.unavailable, "a delivery that was just stored cannot be read")
        }
        return stored
    }

    static func update(
        _ delivery: Delivery, from states: Set<Delivery.State>,
        _ transaction: borrowing SQLTransaction
    ) throws -> Bool {
        guard let known = try transaction.firstLocked(find(delivery.id)) else { return false }
        // The change took effect, and its answer was lost.
        if known == delivery { return true }
        guard states.contains(known.state) else { return false }
        try transaction.execute(
            "UPDATE deliveries SET state = ?, not_before_ms = ?, document = ? WHERE id = ?",
            [
                .text(delivery.state.rawValue), .int(delivery.notBeforeMilliseconds),
                .text(document(delivery)), .int(delivery.id),
            ])
        return true
    }

    static func remove(
        before milliseconds: Int64, keep: Int, limit: Int,
        _ transaction: borrowing SQLTransaction
    ) throws -> Int {
        func ids(_ clauses: String, _ values: [SQLValue]) -> SQLSelect<Int> {
            SQLSelect("SELECT id FROM deliveries \(clauses)", values, of: origin) {
                try $0.int("id")
            }
        }
        let beyond = try transaction.all(
            ids("ORDER BY id DESC LIMIT 1 OFFSET ?", [.int(keep)])
        ).first
        let old = try transaction.all(
            ids(
                "WHERE state <> ? AND (received_ms < ? OR id <= ?) ORDER BY id LIMIT ?",
                [
                    .text(Delivery.State.queued.rawValue), .int(milliseconds), .int(beyond ?? 0),
                    .int(limit),
                ]))
        for id in old {
            try transaction.execute("DELETE FROM deliveries WHERE id = ?", [.int(id)])
        }
        return old.count
    }

    /// It holds no number that JSON cannot have.
    private static func document(_ delivery: Delivery) -> String {
        var delivery = delivery
        delivery.id = 0
        return (try? CanonicalJSON.text(delivery)) ?? "{}"
    }
}
