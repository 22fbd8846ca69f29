/// Where a database is.
public enum SQLLocation: Sendable {
    /// A file, created if it does not exist. Only one process may have it open.
    case sqlite(path: String)
    case mariadb(MariaDBEndpoint)

    public var dialect: SQLDialect {
        switch self {
        case .sqlite: .sqlite
        case .mariadb: .mariadb
        }
    }
}
