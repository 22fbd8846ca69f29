import SQLKit

/// Foreign keys that a team has set between the historic tables, or between them and tables of its
/// own. MariaDB converts no column that has one, so the keys are taken away meanwhile; all columns
/// that they link are converted.
enum ForeignKeys {
    /// One column of a key.
    struct Link: Sendable, Hashable {
        var name, table, column, target, targetColumn: String
        /// The other database, if one of the two tables is there.
        var otherDatabase: String?
        /// ` ON UPDATE … ON DELETE …`, or nothing.
        var rules: String
    }

    struct Column: Hashable {
        var table, name: String
    }

    /// Those that there are, and those that an interrupted migration has taken away: their columns
    /// are linked all the same.
    /// - Returns: nothing for SQLite, where no table is converted.
    static func links(_ transaction: borrowing SQLTransaction) throws -> [Link] {
        guard transaction.dialect == .mariadb else { return [] }
        let saved = try saved(transaction)
        return saved + (try present(transaction).filter { !saved.contains($0) })
    }

    private static func present(_ transaction: borrowing SQLTransaction) throws -> [Link] {
        try transaction.query(
            "SELECT DATABASE() AS here, k.constraint_name AS name, k.table_schema AS place, "
                + "k.table_name AS child, k.column_name AS child_column, "
                + "k.referenced_table_schema AS target_place, k.referenced_table_name AS parent, "
                + "k.referenced_column_name AS parent_column, "
                // RESTRICT is the default, and is another word if it is written.
                + "REPLACE(REPLACE(' ON UPDATE ' || r.update_rule || ' ON DELETE ' || "
                + "r.delete_rule, ' ON UPDATE RESTRICT', ''), ' ON DELETE RESTRICT', '') "
                + "AS rules "
                + "FROM information_schema.key_column_usage k "
                + "JOIN information_schema.referential_constraints r "
                + "ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name "
                + "AND r.constraint_name = k.constraint_name "
                + "WHERE k.referenced_table_name IS NOT NULL "
                + "AND (k.table_schema = DATABASE() OR k.referenced_table_schema = DATABASE()) "
                + "ORDER BY k.constraint_name, k.ordinal_position"
        ).map { row in
            let here = try row.text("here")
            let places = [try row.text("place"), try row.text("target_place")]
            return Link(
                name: try row.text("name"), table: try row.text("child"),
                column: try row.text("child_column"), target: try row.text("parent"),
                targetColumn: try row.text("parent_column"),
                otherDatabase: places.first { $0 != here }, rules: try row.text("rules"))
        }
    }

    /// The links of these tables, direct or by other links.
    static func touching(_ tables: [String], _ links: [Link]) -> [Link] {
        let outside = outside(tables, links)
        return links.filter { link in
            link.ends.contains { tables.contains($0.table) || outside.contains($0) }
        }
    }

    /// The columns outside these tables that are linked with one inside.
    static func outside(_ tables: [String], _ links: [Link]) -> Set<Column> {
        var found: Set<Column> = []
        var isGrowing = true
        while isGrowing {
            let before = found.count
            for link in links where link.otherDatabase == nil {
                let isLinked = link.ends.contains {
                    tables.contains($0.table) || found.contains($0)
                }
                if isLinked { found.formUnion(link.ends.filter { !tables.contains($0.table) }) }
            }
            isGrowing = found.count > before
        }
        return found
    }

    /// Gives existing tables of an older system the engine, row format and collation of the others:
    /// without them they could not take part in transactions, joins and wide indexes.
    static func modernise(_ tables: [String], _ transaction: borrowing SQLTransaction) throws {
        guard transaction.dialect == .mariadb else { return }
        let isOld = try tables.contains { try transaction.isOld($0) }
        let links = try links(transaction)
        let columns = outside(tables, links)
        if isOld { try save(touching(tables, links), transaction) }
        for table in tables { try transaction.modernise(table) }
        for column in columns.sorted(by: { ($0.table, $0.name) < ($1.table, $1.name) }) {
            try transaction.modernise(column: column.name, of: column.table)
        }
        try restore(transaction)
    }

    // MARK: Keys on their way

    /// Where the keys are while they are taken away, so that an interruption loses none.
    private static let store = "schema_foreign_keys"

    private static func save(_ links: [Link], _ transaction: borrowing SQLTransaction) throws {
        guard !links.isEmpty else { return }
        try transaction.createTable(
            store,
            [
                "name varchar(64) NOT NULL", "child varchar(64) NOT NULL",
                "position integer NOT NULL", "child_column varchar(64) NOT NULL",
                "parent varchar(64) NOT NULL", "parent_column varchar(64) NOT NULL",
                "rules text NOT NULL",
            ], key: "child, name, position")
        for (position, link) in links.enumerated() {
            do {
                try transaction.execute(
                    "INSERT INTO \(store) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        .text(link.name), .text(link.table), .int(position), .text(link.column),
                        .text(link.target), .text(link.targetColumn), .text(link.rules),
                    ])
            } catch {
                guard error.code == .constraintUnique else { throw error }
            }
        }
        // Statements about tables commit, and this must be there before the first key goes.
        for link in links {
            try transaction.execute(
                "ALTER TABLE \(link.table.quotedName) DROP FOREIGN KEY IF EXISTS "
                    + link.name.quotedName)
        }
    }

    private static func saved(_ transaction: borrowing SQLTransaction) throws -> [Link] {
        guard try !transaction.columnNames(of: store).isEmpty else { return [] }
        return try transaction.query("SELECT * FROM \(store) ORDER BY position").map { row in
            Link(
                name: try row.text("name"), table: try row.text("child"),
                column: try row.text("child_column"), target: try row.text("parent"),
                targetColumn: try row.text("parent_column"), rules: try row.text("rules"))
        }
    }

    private static func restore(_ transaction: borrowing SQLTransaction) throws {
        let saved = try saved(transaction)
        let present = Set(try self.present(transaction).map(\.key))
        // A row that only the old comparison took for linked; others were never checked.
        for link in saved where link.table != link.target {
            try transaction.execute(
                LooseReference(
                    table: link.table, column: link.column, target: link.target,
                    key: link.targetColumn
                ).update)
        }
        try transaction.execute("SET SESSION foreign_key_checks = 0")
        for (key, links) in Dictionary(grouping: saved, by: \.key) where !present.contains(key) {
            guard let first = links.first else { continue }
            let columns = links.map(\.column.quotedName).joined(separator: ", ")
            let targets = links.map(\.targetColumn.quotedName).joined(separator: ", ")
            try transaction.execute(
                "ALTER TABLE \(first.table.quotedName) ADD CONSTRAINT \(first.name.quotedName) "
                    + "FOREIGN KEY (\(columns)) REFERENCES \(first.target.quotedName) "
                    + "(\(targets))\(first.rules)")
        }
        try transaction.execute("SET SESSION foreign_key_checks = 1")
        try transaction.execute("DROP TABLE IF EXISTS \(store)")
    }
}

extension ForeignKeys.Link {
    var ends: [ForeignKeys.Column] {
        [
            ForeignKeys.Column(table: table, name: column),
            ForeignKeys.Column(table: target, name: targetColumn),
        ]
    }

    /// Names of keys are unique in a table only, on some servers.
    fileprivate var key: [String] { [table, name] }
}
