import SQLKit

/// What a database has now, whoever made it.
struct SchemaSurvey: Sendable {
    struct Column: Sendable {
        var name, type: String
        /// A row that does not name the column is refused.
        var needsValue: Bool
        /// Characters that a text may have; `nil` for other types.
        var width: Int?
    }

    struct Index: Sendable {
        var columns: [String]
        var isUnique: Bool
        /// What it takes with four bytes for each character.
        var bytes: Int
    }

    struct Table: Sendable {
        var isView: Bool
        var columns: [Column] = []
        var indexes: [String: Index] = [:]

        func column(_ name: String) -> Column? {
            columns.first { $0.name.lowercased() == name }
        }
    }

    private(set) var tables: [String: Table] = [:]
    private(set) var links: [ForeignKeys.Link] = []

    init(_ transaction: borrowing SQLTransaction) throws {
        switch transaction.dialect {
        case .sqlite: try readSQLite(transaction)
        case .mariadb:
            try readMariaDB(transaction)
            links = try ForeignKeys.links(transaction)
        }
    }

    private mutating func readSQLite(_ transaction: borrowing SQLTransaction) throws {
        for row in try transaction.query(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')")
        {
            let name = try row.text("name")
            var table = Table(isView: try row.text("type") == "view")
            table.columns = try transaction.query(
                "SELECT name, type, \"notnull\" AS required, dflt_value IS NULL AS bare, pk "
                    + "FROM pragma_table_info(?)", [.text(name)]
            ).map { row in
                Column(
                    name: try row.text("name"), type: try row.text("type"),
                    needsValue: try row.bool("required") && row.bool("bare") && row.int("pk") == 0)
            }
            // Names of tables have no case in SQLite.
            tables[name.lowercased()] = table
        }
    }

    private mutating func readMariaDB(_ transaction: borrowing SQLTransaction) throws {
        for row in try transaction.query(
            "SELECT table_name AS name, table_type = 'VIEW' AS is_view "
                + "FROM information_schema.tables WHERE table_schema = DATABASE()")
        {
            tables[try row.text("name")] = Table(isView: try row.bool("is_view"))
        }
        for row in try transaction.query(
            "SELECT table_name AS place, column_name AS name, column_type AS type, "
                + "is_nullable = 'NO' AND column_default IS NULL AND extra = '' "
                + "AS needs_value, character_maximum_length AS width "
                + "FROM information_schema.columns WHERE table_schema = DATABASE() "
                + "ORDER BY table_name, ordinal_position")
        {
            tables[try row.text("place")]?.columns.append(
                Column(
                    name: try row.text("name"), type: try row.text("type"),
                    needsValue: try row.bool("needs_value"), width: try row.intOrNil("width")))
        }
        for row in try transaction.query(
            "SELECT table_name AS place, index_name AS name, column_name AS part, "
                + "non_unique = 0 AS is_unique, sub_part AS width FROM "
                + "information_schema.statistics WHERE table_schema = DATABASE() "
                + "AND index_type = 'BTREE' ORDER BY table_name, index_name, seq_in_index")
        {
            let (table, name) = (try row.text("place"), try row.text("name"))
            let part = try row.textOrNil("part") ?? ""
            let isUnique = try row.bool("is_unique")
            var index =
                tables[table]?.indexes[name] ?? Index(columns: [], isUnique: isUnique, bytes: 0)
            let width = try row.intOrNil("width") ?? tables[table]?.column(part)?.width
            index.columns.append(part)
            // Numbers and times have at most 8 bytes.
            index.bytes += width.map { min($0, 1 << 20) * 4 } ?? 8
            tables[table]?.indexes[name] = index
        }
    }
}
