import CMariaDB
import Glibc

/// One connection to a MariaDB server, set up so that it behaves like SQLite: found rows are
/// counted, wrong values are refused, a backslash is a backslash, `||` concatenates.
final class MariaDBConnection: SQLConnection {
    let dialect = SQLDialect.mariadb
    private let server: MariaDBEndpoint
    private let handle: UnsafeMutablePointer<MYSQL>
    private var statements: [String: MariaDBStatement] = [:]
    private var isLost = false
    private(set) var state = MariaDBServerState(version: "", packetBytes: 0, isReadOnly: false)

    /// Not thread-safe, so it is run once, before the first connection. It also makes the process
    /// ignore SIGPIPE, as any server wants.
    private static let libraryCode = mysql_server_init(0, nil, nil)

    init(_ server: MariaDBEndpoint) throws(SQLError) {
        guard Self.libraryCode == 0, let handle = mysql_init(nil) else {
            throw SQLError(.other, "libmariadb cannot be initialised: out of memory")
        }
        self.server = server
        self.handle = handle
        setOptions()
        let port = UInt32(clamping: server.port)
        let host = server.socket == nil ? server.host : "localhost"
        let connected = mysql_real_connect(
            handle, host, server.user, server.password, server.database, port, server.socket,
            UInt(CLIENT_FOUND_ROWS))
        guard connected != nil else {
            let number = mysql_errno(handle)
            if number == CR_SSL_CONNECTION_ERROR {
                throw .unverified(server, LibraryError("MariaDB", code: number, errorText()))
            }
            let error = SQLError.mariadb(
                number: number, detail: errorText(), server: server, sql: nil)
            // Until the handshake is over no statement can have been lost.
            throw error.code == .connectionLost
                ? .mariadb(
                    number: UInt32(ER_SERVER_SHUTDOWN), detail: errorText(), server: server,
                    sql: nil)
                : error
        }
        let version = try readVersion()
        if let problem = MariaDBServerState.problem(version: version, at: server) {
            throw SQLError(.unsupported, problem)
        }
        for statement in Self.settings { try control(statement) }
        try waitForCluster()
        // A node that has lost its cluster accepts connections and settings, and nothing else.
        try control("DO 1")
        state = try readState(version: version)
    }

    /// On a node of a Galera cluster, reads see what was written at any node before. Servers
    /// without Galera may not know the setting.
    private func waitForCluster() throws(SQLError) {
        do throws(SQLError) { try control("SET SESSION wsrep_sync_wait = 1") } catch {
            let number = (error.cause as? LibraryError)?.code
            guard number == Int(ER_UNKNOWN_SYSTEM_VARIABLE) else { throw error }
        }
    }

    deinit {
        statements.removeAll()
        mysql_close(handle)
    }

    /// NO_ZERO_DATE is left out: rows of an old database may hold such dates, and reading or
    /// altering their tables must not fail.
    private static let settings = [
        "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
            + "NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION time_zone = '+00:00', autocommit = 1, max_statement_time = 0, "
            + "innodb_lock_wait_timeout = \(SQLLimits.lockWaitSeconds), "
            + "lock_wait_timeout = \(SQLLimits.lockWaitSeconds), "
            + "idle_transaction_timeout = \(SQLLimits.idleTransactionSeconds)",
    ]

    private func setOptions() {
        var connectSeconds = UInt32(clamping: server.connectTimeoutSeconds)
        var statementSeconds = UInt32(clamping: server.statementTimeoutSeconds)
        mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &connectSeconds)
        mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &statementSeconds)
        mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &statementSeconds)
        // A hostile server could otherwise ask for any file of this machine.
        var off: UInt32 = 0
        mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &off)
        // `localhost` would mean the default socket, which the configuration did not name.
        var transport = server.socket == nil ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET
        mysql_options(handle, MYSQL_OPT_PROTOCOL, &transport)
        guard let tls = server.tls else { return }
        mysql_ssl_set(handle, tls.key, tls.certificate, tls.authorities, nil, nil)
        // Without this, a server that has no TLS would be taken as well.
        var on: my_bool = 1
        mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on)
    }

    /// A server sends nothing unasked, so a readable socket was closed by the other end: restart,
    /// kill or idle timeout. Noticed here, the next call reconnects instead of failing.
    var isUsable: Bool {
        guard !isLost else { return false }
        var probe = pollfd(fd: mysql_get_socket(handle), events: Int16(POLLIN), revents: 0)
        return poll(&probe, 1, 0) == 0
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        let statement = try run(sql, values)
        defer { statement.freeResult() }
        var rows: [SQLRow] = []
        guard let result = MariaDBResult(statement.raw) else { return rows }
        guard result.bind() else { throw failure(statement, sql) }
        while true {
            switch result.fetch() {
            case .row(let values):
                guard rows.count < SQLLimits.rowsPerQuery else { throw .tooManyRows(sql) }
                rows.append(SQLRow(columns: result.columns, values: values))
            case .end: return rows
            case .failed: throw failure(statement, sql)
            }
        }
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        let statement = try run(sql, values)
        defer { statement.freeResult() }
        // A statement with an answer has no count (it is all ones).
        return mysql_stmt_field_count(statement.raw) > 0
            ? 0 : Int(clamping: mysql_stmt_affected_rows(statement.raw))
    }

    func begin() throws(SQLError) { try control("START TRANSACTION") }
    func commit() throws(SQLError) { try control("COMMIT") }
    func rollBack() throws(SQLError) { try control("ROLLBACK") }

    /// A statement without values and without an answer.
    private func control(_ sql: String) throws(SQLError) {
        guard mysql_real_query(handle, sql, UInt(sql.utf8.count)) == 0 else {
            throw noted(
                .mariadb(number: mysql_errno(handle), detail: errorText(), server: server, sql: sql)
            )
        }
    }

    private func run(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> MariaDBStatement {
        try checkSize(sql, values)
        let statement = try prepared(sql)
        let wanted = statement.parameterCount
        guard wanted == values.count else { throw .parameterCount(wanted, values.count, sql) }
        guard statement.execute(values) else { throw failure(statement, sql) }
        return statement
    }

    /// A server that gets too much closes the connection, often before its reason is read.
    private func checkSize(_ sql: String, _ values: [SQLValue]) throws(SQLError) {
        guard state.packetBytes > 0 else { return }
        let bytes = values.reduce(sql.utf8.count + SQLLimits.packetHeaderBytes) {
            $0 + $1.byteCount
        }
        guard bytes > state.packetBytes else { return }
        throw SQLError(
            .tooLarge,
            "\(server) takes statements of at most \(state.packetBytes) bytes, and one with its "
                + "values has \(bytes). Raise max_allowed_packet in its configuration: "
                + sql.bounded(200))
    }

    private func prepared(_ sql: String) throws(SQLError) -> MariaDBStatement {
        if let statement = statements[sql] { return statement }
        guard let statement = MariaDBStatement(handle) else {
            throw SQLError(.other, "libmariadb is out of memory")
        }
        guard statement.prepare(sql) else { throw failure(statement, sql) }
        if statements.count >= SQLLimits.statementsPerConnection { statements.removeAll() }
        statements[sql] = statement
        return statement
    }

    private func errorText() -> String { String(cString: mysql_error(handle)) }

    private func failure(_ statement: MariaDBStatement, _ sql: String) -> SQLError {
        let number = mysql_stmt_errno(statement.raw)
        // The library notes an error that comes instead of a row with the connection alone.
        let detail =
            number == 0 ? errorText() : String(cString: mysql_stmt_error(statement.raw))
        return noted(
            .mariadb(
                number: number == 0 ? mysql_errno(handle) : number, detail: detail, server: server,
                sql: sql))
    }

    private func noted(_ error: SQLError) -> SQLError {
        switch error.code {
        case .connectionLost, .unreachable: isLost = true
        case .readOnly where !server.alternatives.isEmpty:
            // Another node may be the primary now. Nothing of this transaction took effect.
            isLost = true
            return SQLError(.unreachable, "\(server) has become read-only", cause: error.cause)
        default: break
        }
        return error
    }
}
