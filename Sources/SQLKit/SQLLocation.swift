/// Where a database is.
public enum SQLLocation: Sendable {
    /// A file, created when it is not there. Exactly one process may have it open.
    case sqlite(path: String)
    case mariadb(MariaDBEndpoint)

    public var dialect: SQLDialect {
        switch self {
        case .sqlite: .sqlite
        case .mariadb: .mariadb
        }
    }
}
