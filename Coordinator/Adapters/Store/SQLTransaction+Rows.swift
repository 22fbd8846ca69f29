import BuildProtocol
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

    /// Inserts a row whose name is unique, or gives one to a row.
    /// - Throws: `StoreError.exists`
    func insert(_ sql: String, _ values: [SQLValue], what: NamedKind, name: String) throws {
        do throws(SQLError) {
            try execute(sql, values)
        } catch {
            guard error.code == .constraintUnique else { throw error }
            throw StoreError.exists(what: what, name: name)
        }
    }

    /// Updates or deletes a row that must be there.
    /// - Throws: `StoreError.notFound`
    func change(_ sql: String, _ values: [SQLValue], what: NamedKind, name: String) throws {
        guard try execute(sql, values) > 0 else {
            throw StoreError.notFound(what: what, name: name)
        }
    }

    /// Deletes a row that must be there. A team may have set foreign keys that need it.
    /// - Throws: `StoreError.notFound`, `StoreError.inUse`
    func remove(_ sql: String, _ values: [SQLValue], what: NamedKind, name: String) throws {
        do {
            try change(sql, values, what: what, name: name)
        } catch let error as SQLError where error.code == .constraint {
            throw StoreError(
                .inUse,
                "The \(what.rawValue) \(Names.quoted(name)) cannot be removed: a foreign key of "
                    + "the database needs it. Remove the rows that refer to it, or drop the key",
                cause: error)
        }
    }

    func holds(_ table: String, id: String) throws -> Bool {
        try !query("SELECT id FROM \(table) WHERE id = ?", [.text(id)]).isEmpty
    }
}
