import CSQLite
import Glibc
import Support

/// A SQLite file: write-ahead log, each commit on the disk before it returns, enforced foreign
/// keys.
final class SQLiteConnection: SQLConnection {
    private let path: String
    private let handle: OpaquePointer
    private var statements: [String: SQLiteStatement] = [:]
    /// Released after the handle was closed, because `deinit` runs before properties end. `nil`
    /// for a connection that only reads, beside the one that has the lock.
    private let lock: SQLiteLock?

    let dialect = SQLDialect.sqlite
    var isUsable: Bool { true }

    /// A connection for SELECTs. The file must exist.
    init(reading path: String) throws(SQLError) {
        self.path = path.contains("/") ? path : "./" + path
        lock = nil
        handle = try Self.open(self.path)
        sqlite3_busy_timeout(handle, Int32(SQLLimits.lockWaitSeconds * 1000))
        for setting in ["query_only = ON", "trusted_schema = OFF"] {
            _ = try query("PRAGMA " + setting, [])
        }
    }

    init(path: String) throws(SQLError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SQLError(.misuse, "the path of the database is empty or holds a NUL")
        }
        // Names such as `:memory:` are special to SQLite; with a folder in front none is.
        let path = path.contains("/") ? path : "./" + path
        lock = try SQLiteLock.take(databasePath: path)
        // The file holds token digests: only its owner may read it. SQLite's side files inherit its
        // mode.
        do throws(SystemError) {
            _ = try Descriptor(path, O_RDWR | O_CREAT, mode: 0o600)
        } catch {
            throw Self.openFailure(path, "\(error)", Int(error.errno))
        }
        self.path = path
        handle = try Self.open(path)
        sqlite3_busy_timeout(handle, Int32(SQLLimits.lockWaitSeconds * 1000))
        let mode = try query("PRAGMA journal_mode = WAL", []).first?.values.first
        guard mode == .text("wal") else {
            throw SQLError(
                .other,
                "the database \(path) cannot use a write-ahead log on its file system: "
                    + "put it on a local disk")
        }
        _ = try query("PRAGMA synchronous = FULL", [])
        _ = try query("PRAGMA foreign_keys = ON", [])
        _ = try query("PRAGMA trusted_schema = OFF", [])
    }

    deinit {
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        let statement = try prepared(sql)
        defer { statement.reset() }
        try bind(values, to: statement, sql)
        var rows: [SQLRow] = []
        var columns = SQLColumns([])
        while true {
            let code = sqlite3_step(statement.raw)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else { throw failure(code, sql) }
            // After the first step: a statement may be recompiled when the schema has changed.
            if rows.isEmpty { columns = statement.columns() }
            guard rows.count < SQLLimits.rowsPerQuery else { throw SQLError.tooManyRows(sql) }
            rows.append(SQLRow(columns: columns, values: statement.row(columns.names.count)))
        }
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        // Only INSERT, UPDATE and DELETE set the count; a CREATE would repeat the last one's.
        let before = sqlite3_total_changes64(handle)
        _ = try query(sql, values)
        let changed = sqlite3_total_changes64(handle) != before
        return changed ? Int(sqlite3_changes64(handle)) : 0
    }

    /// IMMEDIATE: a transaction that reads first and writes later would get SQLITE_BUSY halfway,
    /// where waiting does not help.
    func begin() throws(SQLError) { _ = try query("BEGIN IMMEDIATE", []) }
    func commit() throws(SQLError) { _ = try query("COMMIT", []) }

    func rollBack() throws(SQLError) {
        // Some failures (full disk, I/O) have rolled back already.
        if sqlite3_get_autocommit(handle) == 0 { _ = try query("ROLLBACK", []) }
    }

    private func prepared(_ sql: String) throws(SQLError) -> SQLiteStatement {
        if let statement = statements[sql] { return statement }
        var raw: OpaquePointer?
        var sql = sql
        let (code, hasMore) = sql.withUTF8 { text -> (Int32, Bool) in
            text.withMemoryRebound(to: CChar.self) { text in
                var tail: UnsafePointer<CChar>?
                let code = sqlite3_prepare_v3(
                    handle, text.baseAddress, Int32(clamping: text.count),
                    UInt32(SQLITE_PREPARE_PERSISTENT), &raw, &tail)
                guard let start = text.baseAddress, let tail else { return (code, false) }
                let rest = text[start.distance(to: tail)...]
                return (code, rest.contains { $0 != 0x20 && $0 != 0x0A })
            }
        }
        guard code == SQLITE_OK else { throw failure(code, sql) }
        guard let raw else { throw SQLError(.misuse, "an empty statement") }
        let statement = SQLiteStatement(raw)
        if hasMore { throw SQLError(.misuse, "more than one statement in one call: \(sql)") }
        if statements.count >= SQLLimits.statementsPerConnection { statements.removeAll() }
        statements[sql] = statement
        return statement
    }

    private func bind(
        _ values: [SQLValue], to statement: SQLiteStatement, _ sql: String
    ) throws(SQLError) {
        let wanted = Int(sqlite3_bind_parameter_count(statement.raw))
        guard wanted == values.count else { throw .parameterCount(wanted, values.count, sql) }
        for (index, value) in values.enumerated() {
            let code = statement.bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw failure(code, sql) }
        }
    }

    private func failure(_ code: Int32, _ sql: String) -> SQLError {
        .sqlite(
            extendedCode: code, detail: String(cString: sqlite3_errmsg(handle)), path: path,
            sql: sql)
    }

    private static func open(_ path: String) throws(SQLError) -> OpaquePointer {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            sqlite3_close_v2(opened)
            throw openFailure(path, String(cString: sqlite3_errstr(code)), Int(code))
        }
        return opened
    }

    private static func openFailure(_ path: String, _ detail: String, _ code: Int) -> SQLError {
        SQLError(
            .other,
            "Cannot open the database \(path). Check that its folder exists and that this user may "
                + "write there.", cause: LibraryError("SQLite", code: code, detail))
    }
}
