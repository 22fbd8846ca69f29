/// One row of an answer. Columns are read by name and type; a wrong type is an error that names the
/// column, so that a damaged or foreign schema is noticed where it matters.
public struct SQLRow: Sendable {
    let columns: SQLColumns
    public let values: [SQLValue]

    public subscript(column: String) -> SQLValue {
        get throws(SQLError) {
            guard let index = columns.indexByName[column] else {
                throw SQLError(
                    .misuse,
                    "the answer has no column '\(column)', only "
                        + columns.names.joined(separator: ", "))
            }
            return values[index]
        }
    }

    public func text(_ column: String) throws(SQLError) -> String {
        guard let value = try textOrNil(column) else { throw mismatch(column, "a text", .null) }
        return value
    }

    public func textOrNil(_ column: String) throws(SQLError) -> String? {
        switch try self[column] {
        case .null: return nil
        case .text(let value): return value
        case let other: throw mismatch(column, "a text", other)
        }
    }

    public func int64(_ column: String) throws(SQLError) -> Int64 {
        guard let value = try int64OrNil(column) else {
            throw mismatch(column, "an integer", .null)
        }
        return value
    }

    public func int64OrNil(_ column: String) throws(SQLError) -> Int64? {
        switch try self[column] {
        case .null: return nil
        case .int(let value): return value
        case let other: throw mismatch(column, "an integer", other)
        }
    }

    public func int(_ column: String) throws(SQLError) -> Int { Int(try int64(column)) }

    public func intOrNil(_ column: String) throws(SQLError) -> Int? {
        try int64OrNil(column).map { Int($0) }
    }

    public func bool(_ column: String) throws(SQLError) -> Bool { try int64(column) != 0 }

    public func double(_ column: String) throws(SQLError) -> Double {
        switch try self[column] {
        case .double(let value): return value
        case .int(let value): return Double(value)
        case let other: throw mismatch(column, "a number", other)
        }
    }

    public func blob(_ column: String) throws(SQLError) -> [UInt8] {
        switch try self[column] {
        case .blob(let bytes): return bytes
        case let other: throw mismatch(column, "a blob", other)
        }
    }

    private func mismatch(_ column: String, _ expected: String, _ found: SQLValue) -> SQLError {
        SQLError(
            .unexpectedValue, "column '\(column)': expected \(expected), found \(found.typeName)")
    }
}

/// The names of an answer's columns, shared by its rows.
final class SQLColumns: Sendable {
    let names: [String]
    let indexByName: [String: Int]

    init(_ names: [String]) {
        self.names = names
        indexByName = Dictionary(
            names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A value that goes into a statement or comes out of a row.
///
/// Times are texts or integers, depending on the schema; a Boolean is 0 or 1.
public enum SQLValue: Sendable, Hashable {
    case null
    case int(Int64)
    case double(Double)
    case text(String)
    case blob([UInt8])
}

extension SQLValue {
    public static func int(_ value: Int) -> SQLValue { .int(Int64(value)) }
    public static func bool(_ value: Bool) -> SQLValue { .int(value ? Int64(1) : 0) }
    public static func text(orNull value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    public static func int(orNull value: Int64?) -> SQLValue { value.map(SQLValue.int) ?? .null }

    /// What it takes in a statement's packet.
    var byteCount: Int {
        switch self {
        case .null: 1
        case .int, .double: 8
        case .text(let text): text.utf8.count + 9
        case .blob(let bytes): bytes.count + 9
        }
    }

    var typeName: String {
        switch self {
        case .null: "NULL"
        case .int: "an integer"
        case .double: "a floating-point number"
        case .text: "a text"
        case .blob: "a blob"
        }
    }
}

/// The kind of database, for the few statements that differ between the two.
public enum SQLDialect: Sendable, Hashable { case sqlite, mariadb }
