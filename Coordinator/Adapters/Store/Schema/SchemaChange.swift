import SQLKit

/// One change of the schema, as data, so that an inspection can say beforehand what a migration
/// will meet. Each may run again after it took effect.
enum SchemaChange: Sendable {
    /// A column as in a CREATE TABLE: `name varchar(128) NOT NULL`.
    typealias Column = String

    /// A table of this aibuild.
    case table(String, [Column], key: String)
    /// A table of this aibuild whose key `id` numbers its rows in insertion order.
    case countedTable(String, [Column])
    /// Columns that this aibuild adds.
    case columns([Column], of: String)
    /// A table of the original AIBuild. It may exist, with more columns or fewer.
    case historicTable(String, [Column])
    /// Columns of one of the two historic variants.
    case historicColumns([Column], of: String)
    case index(String, on: String, String, isUnique: Bool = false)
    case dropIndex(String, on: String)
    /// Changes of rows, and of tables in ways that depend on what is there.
    case step(@Sendable (borrowing SQLTransaction) throws -> Void)
}

extension SQLTransaction {
    borrowing func apply(_ change: SchemaChange) throws {
        switch change {
        case .table(let name, let columns, let key): try createTable(name, columns, key: key)
        case .countedTable(let name, let columns): try createCountedTable(name, columns)
        case .historicTable(let name, let columns):
            try createTable(name, columns, key: "id")
            try addColumns(columns, to: name)
        case .columns(let columns, let table), .historicColumns(let columns, let table):
            try addColumns(columns, to: table)
        case .index(let name, let table, let columns, let isUnique):
            try createIndex(name, on: table, columns, isUnique: isUnique)
        case .dropIndex(let name, let table): try dropIndex(name, on: table)
        case .step(let run): try run(self)
        }
    }
}

extension SchemaChange.Column {
    /// The first word: `name` of `name varchar(128) NOT NULL`.
    var columnName: String { String(prefix { $0 != " " }) }

    /// The type without its width where the width means nothing, as both databases spell it.
    var columnType: String { Self.comparable(type: String(dropFirst(columnName.count + 1))) }

    /// Whether it is a column, and no constraint of the table.
    var isColumn: Bool { !hasPrefix("FOREIGN KEY") }

    /// `int` for `INTEGER`, `int(11)` and `int(11) NOT NULL`.
    static func comparable(type: String) -> String {
        let word = type.lowercased().prefix { $0 != " " }
        let base = word.prefix { $0 != "(" }
        switch base {
        case "int", "integer": return "int"
        case "bigint": return "bigint"
        default: return String(word)
        }
    }
}
