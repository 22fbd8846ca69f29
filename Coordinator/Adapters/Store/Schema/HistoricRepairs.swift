import SQLKit

/// Schema 11: what the original's tables took for the same, and what its clients encoded twice.
///
/// The original's tables ignored case, and blanks at the end, when they compared names; aibuild
/// compares bytes. A row that refers to another so gets the name, or id, as it is written there.
enum HistoricRepairs {
    static let version = 11

    static let changes: [SchemaChange] = [
        .step { transaction in
            for column in HistoricText.columns { try column.repair(transaction) }
            // A SQLite database compared bytes all along.
            guard transaction.dialect == .mariadb else { return }
            for reference in HistoricTables.references {
                for loose in LooseReference.both(of: reference) {
                    try transaction.execute(loose.update)
                }
                try transaction.execute(
                    "UPDATE \(reference.table) r JOIN (SELECT \(reference.key) AS name, "
                        + "MIN(id) AS id FROM \(reference.target) GROUP BY \(reference.key)) t "
                        + "ON t.name = r.\(reference.name) SET r.\(reference.id) = t.id "
                        + "WHERE r.\(reference.id) IS NULL")
                try HistoricTables.fillNames(reference, transaction)
            }
        }
    ]
}

/// A column whose rows may refer to others in other case, or with blanks at the end. MariaDB only.
struct LooseReference {
    let table, column, target, key: String

    static func both(of reference: HistoricTables.Reference) -> [LooseReference] {
        [
            LooseReference(
                table: reference.table, column: reference.id, target: reference.target, key: "id"),
            LooseReference(
                table: reference.table, column: reference.name, target: reference.target,
                key: reference.key),
        ]
    }

    var count: String {
        "SELECT COUNT(*) AS n FROM \(table.quotedName) r JOIN \(alike) WHERE \(differs)"
    }

    var update: String {
        "UPDATE \(table.quotedName) r JOIN \(alike) SET r.\(column.quotedName) = t.exact "
            + "WHERE \(differs)"
    }

    /// The least of the names that are alike.
    private var alike: String {
        let name = Self.comparable(key.quotedName)
        return "(SELECT LOWER(RTRIM(\(name))) AS plain, MIN(\(name)) AS exact "
            + "FROM \(target.quotedName) GROUP BY LOWER(RTRIM(\(name)))) t "
            + "ON t.plain = LOWER(RTRIM(\(Self.comparable("r." + column.quotedName))))"
    }

    private var differs: String {
        "\(Self.comparable("r." + column.quotedName)) NOT IN "
            + "(SELECT \(Self.comparable(key.quotedName)) FROM \(target.quotedName) "
            + "WHERE \(key.quotedName) IS NOT NULL)"
    }

    /// Before a migration, the two tables may have different character sets.
    private static func comparable(_ column: String) -> String {
        "CONVERT(\(column) USING utf8mb4) COLLATE utf8mb4_nopad_bin"
    }
}
