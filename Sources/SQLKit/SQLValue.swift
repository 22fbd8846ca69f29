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
