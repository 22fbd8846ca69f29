import CoordinatorCore
import SQLKit

/// A SELECT as a value, with how each of its rows is read: inside a transaction and outside it.
struct SQLSelect<Row: Sendable>: Sendable {
    private(set) var sql: String
    private(set) var values: [SQLValue]
    let origin: RowOrigin
    let decode: @Sendable (SQLRow) throws -> Row

    init(
        _ sql: String, _ values: [SQLValue] = [], of origin: RowOrigin,
        _ decode: @escaping @Sendable (SQLRow) throws -> Row
    ) {
        self.sql = sql
        self.values = values
        self.origin = origin
        self.decode = decode
    }

    /// - Throws: `StoreError.unusable` for a row that cannot be read, whatever the query.
    func read(_ row: SQLRow) throws -> Row { try read(row, decode) }

    func read<Result>(_ row: SQLRow, _ decode: (SQLRow) throws -> Result) throws -> Result {
        do { return try decode(row) } catch let error as SQLError
            where error.code == .unexpectedValue
        {
            throw StoreError(
                .unusable,
                "The row '\(origin.name(of: row))' of \(origin.table) cannot be used. Upgrade "
                    + "aibuild if a newer one wrote it; otherwise repair the row.", cause: error)
        }
    }

    /// With more clauses behind it.
    func with(_ clauses: String, _ more: [SQLValue] = []) -> SQLSelect {
        var select = self
        select.sql += " " + clauses
        select.values += more
        return select
    }
}

/// Conditions of a list that must all hold, with their values.
struct SQLConditions {
    private var conditions: [String] = []
    private(set) var values: [SQLValue] = []

    /// The WHERE clause; empty without conditions.
    var sql: String {
        conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
    }

    mutating func add(_ condition: String, _ more: [SQLValue] = []) {
        conditions.append(condition)
        values += more
    }

    /// No condition if `value` is `nil`.
    mutating func equal(_ column: String, _ value: String?) {
        if let value { add("\(column) = ?", [.text(value)]) }
    }

    /// No condition if `values` is `nil`; an empty set matches nothing.
    mutating func isOne<Value: RawRepresentable<String>>(
        of values: Set<Value>?, _ column: String
    ) {
        guard let values else { return }
        guard !values.isEmpty else { return add("1 = 0") }
        let marks = values.map { _ in "?" }.joined(separator: ", ")
        add("\(column) IN (\(marks))", values.map(\.rawValue).sorted().map(SQLValue.text))
    }
}
