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
        let (code, message): (SQLErrorCode, String) =
            switch extendedCode & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED:
                (.busy, "The database \(path) is locked by another program. Close that one.")
            case SQLITE_CORRUPT, SQLITE_NOTADB:
                (
                    .corrupt,
                    "The database \(path) is damaged. Stop aibuild and put a backup in its place."
                )
            case SQLITE_FULL: (.diskFull, "The disk of the database \(path) is full. Make room.")
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
                (
                    .readOnly,
                    "The database \(path) cannot be written. Check the owner and mode of the file "
                        + "and of its folder."
                )
            case SQLITE_CONSTRAINT:
                (
                    [SQLITE_CONSTRAINT_UNIQUE_CODE, SQLITE_CONSTRAINT_PRIMARYKEY_CODE]
                        .contains(extendedCode) ? .constraintUnique : .constraint, ""
                )
            case SQLITE_TOOBIG, SQLITE_MISMATCH: (.constraint, "")
            case SQLITE_ERROR, SQLITE_SCHEMA:
                (.statement, "The database \(path) refused a statement: \(sql.bounded()).")
            default: (.other, "the database \(path)")
            }
        return SQLError(
            code, message, cause: LibraryError("SQLite", code: extendedCode, detail.bounded()))
    }

    // SQLite makes these by an expression in a macro, which Swift does not import.
    private static var SQLITE_CONSTRAINT_UNIQUE_CODE: Int32 { SQLITE_CONSTRAINT | (8 << 8) }
    private static var SQLITE_CONSTRAINT_PRIMARYKEY_CODE: Int32 { SQLITE_CONSTRAINT | (6 << 8) }

    /// Another node, or the same one with a renewed certificate, may be usable.
    static func unverified(_ server: MariaDBEndpoint, _ cause: LibraryError) -> SQLError {
        SQLError(
            .unreachable,
            "No verified TLS connection to \(server). Check that the server has TLS, that its "
                + "certificate names \(server.host) and has not expired, and that ca_file in the "
                + "database section of the configuration is that of its authority.", cause: cause)
    }

    static func mariadb(number: UInt32, detail: String, server: MariaDBEndpoint, sql: String?)
        -> SQLError
    {
        let code = mariadbCode(Int32(bitPattern: number))
        let message =
            switch code {
            case .connectionLost: "the connection to \(server) was lost"
            case .unreachable:
                "Cannot reach \(server). Start the server, or correct the database section of the "
                    + "configuration."
            case .accessDenied:
                "\(server) refused the login or lacks a right. Check user, password and grants."
            case .constraint, .constraintUnique: ""
            case .busy: busyMessage(Int32(bitPattern: number), server)
            case .limited:
                "\(server) allows this account no more connections or statements for now. Raise "
                    + "the limits of the account (ALTER USER … WITH MAX_QUERIES_PER_HOUR 0 "
                    + "MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 "
                    + "MAX_USER_CONNECTIONS 0)."
            case .timedOut:
                "\(server) ended a statement that took longer than its max_statement_time. Raise "
                    + "that limit for this account."
            case .tooLarge:
                "\(server) takes no statement as large as this one. Raise max_allowed_packet in "
                    + "its configuration."
            case .diskFull: "The disk of \(server) is full. Make room there."
            case .readOnly:
                "\(server) takes no changes now. Point aibuild at the primary server."
            case .corrupt: "A table of \(server) is damaged. Repair it or restore a backup."
            default:
                "\(server) refused a statement" + (sql.map { ": \($0.bounded())." } ?? "")
            }
        return SQLError(
            code, message, cause: LibraryError("MariaDB", code: number, detail.bounded()))
    }

    private static func busyMessage(_ number: Int32, _ server: MariaDBEndpoint) -> String {
        switch number {
        case ER_LOCK_DEADLOCK: "\(server) met a deadlock with another transaction"
        case ER_LOCK_WAIT_TIMEOUT:
            "\(server): another connection holds a lock for more than "
                + "\(SQLLimits.lockWaitSeconds) s"
        case ER_QUERY_INTERRUPTED: "\(server): an administrator interrupted a statement"
        default: "\(server)"
        }
    }

    /// What servers made like MySQL 8 say to a connection that they closed because it was idle.
    private static var idleTooLong: Int32 { 4031 }

    private static func mariadbCode(_ number: Int32) -> SQLErrorCode {
        switch number {
        case ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, ER_CHECKREAD, ER_QUERY_INTERRUPTED: .busy
        case ER_USER_LIMIT_REACHED, ER_TOO_MANY_USER_CONNECTIONS: .limited
        case ER_STATEMENT_TIMEOUT: .timedOut
        case ER_NET_PACKET_TOO_LARGE: .tooLarge
        case ER_DUP_ENTRY, ER_DUP_UNIQUE, ER_DUP_ENTRY_WITH_KEY_NAME: .constraintUnique
        case ER_ROW_IS_REFERENCED, ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW,
            ER_NO_REFERENCED_ROW_2, ER_BAD_NULL_ERROR, ER_DATA_TOO_LONG,
            ER_WARN_DATA_OUT_OF_RANGE, ER_CONSTRAINT_FAILED, ER_TRUNCATED_WRONG_VALUE,
            ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_NO_DEFAULT_FOR_FIELD:
            .constraint
        case ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR,
            ER_COLUMNACCESS_DENIED_ERROR, ER_BAD_DB_ERROR, ER_HOST_NOT_PRIVILEGED,
            ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR,
            ER_MUST_CHANGE_PASSWORD, ER_MUST_CHANGE_PASSWORD_LOGIN:
            .accessDenied
        // 1047 is also the answer of a Galera node that has lost its cluster.
        case ER_CON_COUNT_ERROR, ER_SERVER_SHUTDOWN, ER_UNKNOWN_COM_ERROR, ER_HOST_IS_BLOCKED:
            .unreachable
        case ER_CONNECTION_KILLED, ER_NEW_ABORTING_CONNECTION, ER_ABORTING_CONNECTION,
            ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE,
            ER_NET_WRITE_INTERRUPTED, idleTooLong:
            .connectionLost
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
