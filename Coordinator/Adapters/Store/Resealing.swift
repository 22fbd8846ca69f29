import CoordinatorCore
import SQLKit

/// Seals again what an older key has sealed, page by page.
struct Resealing {
    let keys: SealingKeys
    let table: String
    /// The column that identifies a row, and from which a value's context is made.
    let key: String
    let column: String
    let context: @Sendable (String) -> String
    /// `environment` or `secret`, for what cannot be opened.
    let what: String

    /// Values sealed in one transaction: a second's work at most.
    static let pageRows = 50

    static func all(_ keys: SealingKeys) -> [Resealing] {
        [
            Resealing(
                keys: keys, table: "envs", key: "id", column: "secret", context: { $0 },
                what: "environment"),
            Resealing(
                keys: keys, table: "secrets", key: "name", column: "sealed",
                context: SecretTable.context, what: "secret"),
        ]
    }

    /// What none of the keys has sealed, and how many values one of them has.
    func strange(_ transaction: borrowing SQLTransaction) throws -> (names: [String], known: Int) {
        let all = SQLSelect(
            "SELECT \(key) AS id, name, \(column) AS sealed FROM \(table) "
                + "WHERE \(column) IS NOT NULL ORDER BY \(key)",
            [], of: RowOrigin(table: table, key: "name")
        ) { row in (name: try row.text("name"), sealed: try row.text("sealed")) }
        let rows = try transaction.all(all)
        let names = rows.filter { !keys.knows($0.sealed) }.map { "\(what) \($0.name)" }
        return (names, rows.count - names.count)
    }

    struct Page: Sendable {
        var resealed = 0
        var unreadable: [String] = []
        /// The last row; `nil` if there are no more.
        var last: String?
    }

    func page(after: String, _ transaction: borrowing SQLTransaction) throws -> Page {
        let old = SQLSelect(
            "SELECT \(key) AS id, name, \(column) AS sealed FROM \(table) "
                + "WHERE \(column) IS NOT NULL AND \(column) NOT LIKE ? AND \(key) > ? "
                + "ORDER BY \(key) LIMIT \(Self.pageRows)",
            [.text(keys.prefix + "%"), .text(after)], of: RowOrigin(table: table, key: "name")
        ) { row in
            (
                id: try row.text("id"), name: try row.text("name"),
                sealed: try row.text("sealed")
            )
        }
        let rows = try transaction.allLocked(old)
        var page = Page(last: rows.count < Self.pageRows ? nil : rows.last?.id)
        for row in rows {
            let context = context(row.id)
            guard keys.knows(row.sealed), let clear = try? keys.open(row.sealed, context: context),
                let sealed = keys.seal(clear, context: context)
            else {
                page.unreadable.append("\(what) \(row.name)")
                continue
            }
            try transaction.execute(
                "UPDATE \(table) SET \(column) = ? WHERE \(key) = ?",
                [.text(sealed), .text(row.id)])
            page.resealed += 1
        }
        return page
    }
}
