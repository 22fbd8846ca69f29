import BuildProtocol
import SQLKit

/// Statements about tables in the dialect of the database. Each may run again after it took
/// effect.
extension SQLTransaction {
    /// Texts are compared byte for byte in SQLite; this makes MariaDB do the same.
    private static let mariadbCollation = "utf8mb4_nopad_bin"
    private static let mariadbOptions =
        "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 "
        + "COLLATE \(mariadbCollation)"

    borrowing func createTable(
        _ name: String, _ columns: [SchemaChange.Column], key: String
    ) throws {
        let options = dialect == .mariadb ? " " + Self.mariadbOptions : ""
        try execute(
            "CREATE TABLE IF NOT EXISTS \(name) ("
                + (columns + ["PRIMARY KEY (\(key))"]).joined(separator: ", ") + ")" + options)
    }

    /// A table whose key `id` numbers its rows in insertion order.
    borrowing func createCountedTable(_ name: String, _ columns: [SchemaChange.Column]) throws {
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
    borrowing func addColumns(_ columns: [SchemaChange.Column], to table: String) throws {
        let present = try columnNames(of: table)
        let missing = columns.filter { !present.contains($0.columnName) }
        if missing.isEmpty { return }
        switch dialect {
        case .sqlite:
            for column in missing { try execute("ALTER TABLE \(table) ADD COLUMN \(column)") }
        case .mariadb:
            // A coordinator at another node of a Galera cluster may add them meanwhile. All in one
            // statement, so that a large table is copied once.
            try execute(
                "ALTER TABLE \(table) "
                    + missing.map { "ADD COLUMN IF NOT EXISTS \($0)" }.joined(separator: ", "))
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

    /// Whether the table exists, and has another engine, row format or collation than tables that
    /// are made now. MariaDB only.
    borrowing func isOld(_ table: String) throws -> Bool {
        let row = try query(
            "SELECT engine, table_collation, row_format FROM information_schema.tables "
                + "WHERE table_schema = DATABASE() AND table_name = ?", [.text(table)]
        ).first
        guard let row else { return false }
        return try row.textOrNil("engine") != "InnoDB"
            || row.textOrNil("table_collation") != Self.mariadbCollation
            || row.textOrNil("row_format") != "Dynamic"
    }

    /// Converts the table if it is old. MariaDB only.
    borrowing func modernise(_ table: String) throws {
        guard try isOld(table) else { return }
        try execute(
            "ALTER TABLE \(table) ENGINE=InnoDB, ROW_FORMAT=DYNAMIC, "
                + "CONVERT TO CHARACTER SET utf8mb4 COLLATE \(Self.mariadbCollation)")
    }

    /// Converts one text column, and keeps the rest of its definition. MariaDB only.
    borrowing func modernise(column: String, of table: String) throws {
        let known = try definition(of: column, in: table)
        guard let known, let collation = known.collation, collation != Self.mariadbCollation else {
            return
        }
        try execute(
            "ALTER TABLE \(table.quotedName) MODIFY \(column.quotedName) \(known.type) "
                + "CHARACTER SET utf8mb4 COLLATE \(Self.mariadbCollation)"
                + (known.isNullable ? " NULL" : " NOT NULL") + known.rest)
    }

    /// Makes a narrower text column this wide, and keeps the rest of its definition. MariaDB only:
    /// in SQLite, widths mean nothing.
    borrowing func widen(_ column: String, of table: String, toCharacters wanted: Int) throws {
        guard dialect == .mariadb, let known = try definition(of: column, in: table),
            let match = known.type.lowercased().wholeMatch(of: #/varchar\((\d+)\)/#),
            let width = Int(match.1), width < wanted
        else { return }
        // A foreign key of the team's stays as it is: only its texts may be longer.
        try execute("SET SESSION foreign_key_checks = 0")
        try execute(
            "ALTER TABLE \(table) MODIFY \(column) varchar(\(wanted)) CHARACTER SET utf8mb4 "
                + "COLLATE \(Self.mariadbCollation)\(known.isNullable ? " NULL" : " NOT NULL")"
                + known.rest)
        try execute("SET SESSION foreign_key_checks = 1")
    }

    /// Lets columns be empty that one historic variant requires. Nothing to do in SQLite, whose
    /// databases never were of that variant.
    borrowing func allowNull(_ columns: [String], in table: String) throws {
        guard dialect == .mariadb else { return }
        for column in columns {
            guard let known = try definition(of: column, in: table), !known.isNullable else {
                continue
            }
            try execute(
                "ALTER TABLE \(table) MODIFY \(column) \(known.type) NULL\(known.rest)")
        }
    }

    private borrowing func definition(
        of column: String, in table: String
    ) throws -> (type: String, isNullable: Bool, collation: String?, rest: String)? {
        let row = try query(
            "SELECT column_type, is_nullable, collation_name, column_default, column_comment, "
                + "extra FROM information_schema.columns WHERE table_schema = DATABASE() "
                + "AND table_name = ? AND column_name = ?", [.text(table), .text(column)]
        ).first
        guard let row else { return nil }
        var rest = try row.textOrNil("column_default").map { " DEFAULT \($0)" } ?? ""
        let extra = try row.text("extra")
        if extra.hasPrefix("on update") { rest += " " + extra }
        let comment = try row.text("column_comment")
        if !comment.isEmpty { rest += " COMMENT '\(comment.replacing("'", with: "''"))'" }
        return (
            try row.text("column_type"), try row.text("is_nullable") == "YES",
            try row.textOrNil("collation_name"), rest
        )
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
                let beginning = name.prefixOfUTF8(limit)
                // A name that the suffix makes may be another row's already.
                let names =
                    ["\(id.prefix(8))", id] + (2...rows.count + 1).map { String($0) }
                for new in names.lazy.map({ "\(beginning)-\($0)" })
                where try query("SELECT id FROM \(table) WHERE name = ?", [.text(new)]).isEmpty {
                    try execute(
                        "UPDATE \(table) SET name = ? WHERE id = ?", [.text(new), .text(id)])
                    break
                }
            }
            last = name
        }
    }
}

extension String {
    /// As an identifier in a statement: names of somebody else's tables and columns may be words of
    /// SQL. Both databases know this form (MariaDB's connections have ANSI_QUOTES).
    var quotedName: String { "\"" + replacing("\"", with: "\"\"") + "\"" }
}
