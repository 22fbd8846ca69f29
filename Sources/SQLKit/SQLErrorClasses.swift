import CMariaDB
import CSQLite

// Error numbers of the libraries, as codes for callers and messages for people.

extension SQLError {
    static func tooManyRows(_ sql: String) -> SQLError {
        SQLError(
            .misuse,
            "the answer has more than \(SQLLimits.rowsPerQuery) rows; ask page by page: "
                + sql.bounded())
    }

    static func parameterCount(_ wanted: Int, _ given: Int, _ sql: String) -> SQLError {
        SQLError(
            .misuse,
            "the statement has \(wanted) parameters, \(given) values were given: "
                + sql.bounded())
    }

    static func sqlite(extendedCode: Int32, detail: String, path: String, sql: String) -> SQLError {
        let detail = detail.bounded()
        let (code, message): (Code, String) =
            switch extendedCode & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED:
                (
                    .busy,
                    "the database \(path) is locked by another program (\(detail)): close that one"
                )
            case SQLITE_CORRUPT, SQLITE_NOTADB:
                (
                    .corrupt,
                    "the database \(path) is damaged (\(detail)): stop aibuild and put a backup "
                        + "in its place"
                )
            case SQLITE_FULL:
                (.diskFull, "the disk of the database \(path) is full: make room there")
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
                (
                    .readOnly,
                    "the database \(path) cannot be written (\(detail)): check the owner and mode "
                        + "of the file and of its folder"
                )
            case SQLITE_CONSTRAINT:
                (
                    [SQLITE_CONSTRAINT_UNIQUE_CODE, SQLITE_CONSTRAINT_PRIMARYKEY_CODE]
                        .contains(extendedCode) ? .constraintUnique : .constraint, detail
                )
            case SQLITE_TOOBIG, SQLITE_MISMATCH: (.constraint, detail)
            case SQLITE_ERROR, SQLITE_SCHEMA:
                (
                    .statement,
                    "the database \(path) refused a statement: \(detail): \(sql.bounded())"
                )
            default: (.other, "the database \(path): \(detail)")
            }
        return SQLError(code, message, nativeCode: Int(extendedCode))
    }

    // SQLite makes these by an expression in a macro, which Swift does not import.
    private static let SQLITE_CONSTRAINT_UNIQUE_CODE = SQLITE_CONSTRAINT | (8 << 8)
    private static let SQLITE_CONSTRAINT_PRIMARYKEY_CODE = SQLITE_CONSTRAINT | (6 << 8)

    static func mariadb(number: UInt32, detail: String, server: MariaDBEndpoint, sql: String?)
        -> SQLError
    {
        let detail = detail.bounded()
        let code = mariadbCode(Int32(bitPattern: number))
        let message =
            switch code {
            case .connectionLost: "the connection to \(server) was lost: \(detail)"
            case .unreachable:
                "cannot reach \(server): \(detail); start the server, or correct the database "
                    + "section of the configuration"
            case .accessDenied:
                "\(server) refused the login or lacks a right: \(detail); check user, password "
                    + "and grants"
            case .constraint, .constraintUnique: detail
            case .busy: "\(server): \(detail)"
            case .diskFull: "the disk of \(server) is full (\(detail)): make room there"
            case .readOnly:
                "\(server) takes no changes now (\(detail)): point aibuild at the primary server"
            case .corrupt:
                "a table of \(server) is damaged (\(detail)): repair it or restore a backup"
            default:
                "\(server) refused a statement: \(detail)"
                    + (sql.map { ": " + $0.bounded() } ?? "")
            }
        return SQLError(code, message, nativeCode: Int(number))
    }

    private static func mariadbCode(_ number: Int32) -> Code {
        switch number {
        case ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, ER_CHECKREAD: .busy
        case ER_DUP_ENTRY, ER_DUP_UNIQUE, ER_DUP_ENTRY_WITH_KEY_NAME: .constraintUnique
        case ER_ROW_IS_REFERENCED, ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW,
            ER_NO_REFERENCED_ROW_2, ER_BAD_NULL_ERROR, ER_DATA_TOO_LONG,
            ER_WARN_DATA_OUT_OF_RANGE, ER_CONSTRAINT_FAILED, ER_TRUNCATED_WRONG_VALUE,
            ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_NO_DEFAULT_FOR_FIELD:
            .constraint
        case ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR,
            ER_COLUMNACCESS_DENIED_ERROR, ER_BAD_DB_ERROR, ER_HOST_NOT_PRIVILEGED,
            ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR:
            .accessDenied
        // 1047 is also the answer of a Galera node that has lost its cluster.
        case ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_SERVER_SHUTDOWN,
            ER_UNKNOWN_COM_ERROR, ER_HOST_IS_BLOCKED:
            .unreachable
        case ER_CONNECTION_KILLED, ER_NEW_ABORTING_CONNECTION: .connectionLost
        case ER_DISK_FULL, ER_RECORD_FILE_FULL: .diskFull
        case ER_OPEN_AS_READONLY, ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE,
            ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
            .readOnly
        case ER_NOT_KEYFILE, ER_OLD_KEYFILE, ER_CRASHED_ON_USAGE, ER_CRASHED_ON_REPAIR: .corrupt
        case ER_PARSE_ERROR, ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE, ER_TABLE_EXISTS_ERROR,
            ER_DUP_FIELDNAME, ER_DUP_KEYNAME, ER_EMPTY_QUERY:
            .statement
        // The client library's own errors: after a statement was prepared, each means that the
        // connection is broken.
        case 2000..<3000: .connectionLost
        default: .other
        }
    }
}
