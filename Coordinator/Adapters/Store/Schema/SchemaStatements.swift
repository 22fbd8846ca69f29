import BuildProtocol
import SQLKit

/// Statements about tables in the dialect of the database. Each may run again after it took
/// effect.
extension SQLTransaction {
    /// Texts are compared byte for byte in SQLite; this makes MariaDB do the same.
    private static let mariadbOptions =
        "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 "
        + "COLLATE utf8mb4_nopad_bin"

    borrowing func createTable(_ name: String, _ columns: [String], key: String) throws {
        let options = dialect == .mariadb ? " " + Self.mariadbOptions : ""
        try execute(
            "CREATE TABLE IF NOT EXISTS \(name) ("
                + (columns + ["PRIMARY KEY (\(key))"]).joined(separator: ", ") + ")" + options)
    }

    /// A table whose key `id` numbers its rows in insertion order.
    borrowing func createCountedTable(_ name: String, _ columns: [String]) throws {
        let id =
            switch dialect {
            case .sqlite: "id INTEGER PRIMARY KEY AUTOINCREMENT"
            case .mariadb: "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"
            }
        let options = dialect == .mariadb ? " " + Self.mariadbOptions : ""
        try execute(
            "CREATE TABLE IF NOT EXISTS \(name) ("
                + ([id] + columns).joined(separator: ", ") + ")" + options)
    }

    borrowing func createIndex(
        _ name: String, on table: String, _ columns: String, isUnique: Bool = false
    ) throws {
        try execute(
            "CREATE \(isUnique ? "UNIQUE " : "")INDEX IF NOT EXISTS \(name) "
                + "ON \(table) (\(columns))")
    }

    borrowing func dropIndex(_ name: String, on table: String) throws {
        let place = dialect == .mariadb ? " ON \(table)" : ""
        try execute("DROP INDEX IF EXISTS \(name)\(place)")
    }

    /// Adds the columns that the table lacks.
    borrowing func addColumns(_ columns: [(name: String, type: String)], to table: String) throws {
        let present = try columnNames(of: table)
        let missing = columns.filter { !present.contains($0.name) }
        if missing.isEmpty { return }
        switch dialect {
        case .sqlite:
            for column in missing {
                try execute("ALTER TABLE \(table) ADD COLUMN \(column.name) \(column.type)")
            }
        case .mariadb:
            // A coordinator at another node of a Galera cluster may add them meanwhile. All in one
            // statement, so that a large table is copied once.
            try execute(
                "ALTER TABLE \(table) "
                    + missing.map { "ADD COLUMN IF NOT EXISTS \($0.name) \($0.type)" }
                    .joined(separator: ", "))
        }
    }

    borrowing func columnNames(of table: String) throws -> Set<String> {
        let rows =
            switch dialect {
            case .sqlite:
                try query("SELECT name FROM pragma_table_info(?)", [.text(table)])
            case .mariadb:
                try query(
                    "SELECT column_name AS name FROM information_schema.columns "
                        + "WHERE table_schema = DATABASE() AND table_name = ?", [.text(table)])
            }
        return Set(try rows.map { try $0.text("name").lowercased() })
    }

    /// Gives a table of an older system the engine, row format and collation of the others: without
    /// them it could not take part in transactions, joins and wide indexes.
    borrowing func modernise(_ table: String) throws {
        guard dialect == .mariadb else { return }
        let rows = try query(
            "SELECT engine, table_collation, row_format FROM information_schema.tables "
                + "WHERE table_schema = DATABASE() AND table_name = ?", [.text(table)])
        guard let row = rows.first,
            try row.textOrNil("engine") != "InnoDB"
                || row.textOrNil("table_collation") != "utf8mb4_nopad_bin"
                || row.textOrNil("row_format") != "Dynamic"
        else { return }
        try execute(
            "ALTER TABLE \(table) ENGINE=InnoDB, ROW_FORMAT=DYNAMIC, "
                + "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
    }

    /// The original AIBuild could store a name twice. The first row keeps it; the others get the
    /// beginning of their id as a suffix, so that no row is lost and each can be found.
    /// - Parameter limit: bytes of the name that are kept, so that the id still fits.
    borrowing func renameDoubles(in table: String, limit: Int) throws {
        let rows = try query(
            "SELECT id, name FROM \(table) WHERE name IN (SELECT name FROM \(table) "
                + "GROUP BY name HAVING COUNT(*) > 1) ORDER BY name, id")
        var last: String?
        for row in rows {
            let (id, name) = (try row.text("id"), try row.text("name"))
            if name == last {
                try execute(
                    "UPDATE \(table) SET name = ? WHERE id = ?",
                    [.text("\(name.prefixOfUTF8(limit))-\(id.prefix(8))"), .text(id)])
            }
            last = name
        }
    }
}
