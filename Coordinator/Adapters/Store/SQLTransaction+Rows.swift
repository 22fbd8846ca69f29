import CoordinatorCore
import SQLKit

extension SQLTransaction {
    /// The clause that locks the rows which a transaction reads in order to change them. SQLite
    /// needs none: it has one writer.
    private var forUpdate: String { dialect == .mariadb ? " FOR UPDATE" : "" }

    func all<Row>(_ select: SQLSelect<Row>) throws -> [Row] {
        try query(select.sql, select.values).map(select.read)
    }

    func first<Row>(_ select: SQLSelect<Row>) throws -> Row? { try all(select).first }

    func allLocked<Row>(_ select: SQLSelect<Row>) throws -> [Row] {
        try query(select.sql + forUpdate, select.values).map(select.read)
    }

    /// The first row, locked until the transaction ends.
    func firstLocked<Row>(_ select: SQLSelect<Row>) throws -> Row? { try allLocked(select).first }

    /// Inserts a row whose name is unique.
    /// - Throws: `StoreError.exists`
    func insert(_ sql: String, _ values: [SQLValue], what: String, name: String) throws {
        do throws(SQLError) {
            try execute(sql, values)
        } catch {
            guard error.code == .constraintUnique else { throw error }
            throw StoreError.exists(what: what, name: name)
        }
    }

    /// Updates or deletes a row that must be there.
    /// - Throws: `StoreError.notFound`
    func change(_ sql: String, _ values: [SQLValue], what: String, name: String) throws {
        guard try execute(sql, values) > 0 else {
            throw StoreError.notFound(what: what, name: name)
        }
    }

    func holds(_ table: String, id: String) throws -> Bool {
        try !query("SELECT id FROM \(table) WHERE id = ?", [.text(id)]).isEmpty
    }

    /// The id of the row with this name, for the historic columns that hold ids.
    func historicID(_ table: String, _ name: String, column: String = "name") throws -> String? {
        try query("SELECT MIN(id) AS id FROM \(table) WHERE \(column) = ?", [.text(name)])
            .first?.textOrNil("id")
    }
}
