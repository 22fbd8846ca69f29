import BuildProtocol
import SQLKit

/// A column of a historic table with texts of people.
struct HistoricText: Sendable {
    let table, name: String

    static let columns: [HistoricText] = [
        ("guestos", ["name", "base_iso", "distro", "version"]),
        ("build_log", ["image_name", "os_name", "update_contents", "get_url"]),
        ("testcases", ["name"]), ("test_log", ["image_name", "case_name"]),
        (
            "envs",
            [
                "name", "project_domain_name", "user_domain_name", "project_name", "username",
                "password", "region",
            ]
        ),
        ("release_log", ["env_name"]),
    ].flatMap { table, names in names.map { HistoricText(table: table, name: $0) } }

    /// Rows that are read at once.
    private static let page = 5_000

    struct Doubled {
        var id, text, meant: String
    }

    /// The texts that were encoded twice.
    func doubled(_ transaction: borrowing SQLTransaction) throws -> [Doubled] {
        guard try transaction.columnNames(of: table).contains(name) else { return [] }
        let isWide =
            switch transaction.dialect {
            case .sqlite: "LENGTH(CAST(\(name) AS BLOB)) <> LENGTH(\(name))"
            case .mariadb:
                "LENGTH(CONVERT(\(name) USING utf8mb4)) <> CHAR_LENGTH(CONVERT(\(name) USING "
                    + "utf8mb4))"
            }
        var found: [Doubled] = []
        var last = ""
        while true {
            let rows = try transaction.query(
                "SELECT id, \(name) AS value FROM \(table) WHERE id > ? AND \(isWide) "
                    + "ORDER BY id LIMIT \(Self.page)", [.text(last)])
            for row in rows {
                guard case .text(let text) = try row["value"],
                    let meant = DoubleEncoding.repaired(text)
                else { continue }
                found.append(Doubled(id: try row.text("id"), text: text, meant: meant))
            }
            guard rows.count == Self.page, let next = try rows.last?.text("id") else {
                return found
            }
            last = next
        }
    }

    /// May run again: what it repaired is not found once more.
    func repair(_ transaction: borrowing SQLTransaction) throws {
        for row in try doubled(transaction) {
            do {
                try transaction.execute(
                    "UPDATE \(table) SET \(name) = ? WHERE id = ?",
                    [.text(row.meant), .text(row.id)])
            } catch {
                // Another row has the name already: both stay as they are.
                guard error.code == .constraintUnique else { throw error }
            }
        }
    }

    /// What `repair` would do; `nil` if nothing.
    func notice(_ transaction: borrowing SQLTransaction) throws -> String? {
        let rows = try doubled(transaction)
        guard let first = rows.first else { return nil }
        let example =
            name == "password"
            ? "" : ", as \(Names.quoted(first.text)), which becomes \(Names.quoted(first.meant))"
        return "\(table).\(name): \(rows.count) text\(rows.count == 1 ? " was" : "s were") encoded "
            + "twice by a client that said latin1\(example)"
    }
}
