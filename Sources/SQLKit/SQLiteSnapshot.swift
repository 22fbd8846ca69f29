import CSQLite
import Support

/// Copies of SQLite files.
public enum SQLiteSnapshot {
    /// Copies a database as it is at one moment, while other processes write to it. Blocks. The
    /// copy needs no other file beside it, and was checked.
    /// - Parameter target: the path of the copy, where nothing is. It may be on any file system.
    /// - Throws: `SQLError`: `diskFull`, `corrupt` …
    public static func copy(_ path: String, to target: String) throws(SQLError) {
        let source = try Handle(path, SQLITE_OPEN_READWRITE, vfs: nil)
        sqlite3_busy_timeout(source.raw, Int32(SQLLimits.lockWaitSeconds * 1000))
        // Holds the moment: a copy that finds another one's writes would begin again.
        try source.run("BEGIN")
        _ = try source.text("SELECT COUNT(*) FROM sqlite_master")
        // Without locks, which some file systems of a network do not have; nobody else uses it.
        let copy = try Handle(target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs: "unix-none")
        guard let backup = sqlite3_backup_init(copy.raw, "main", source.raw, "main") else {
            throw copy.failure(sqlite3_errcode(copy.raw), "copy")
        }
        let code = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else {
            throw copy.failure(code == SQLITE_DONE ? end : code, "copy")
        }
        // A write-ahead log would need a second file. It needs no locks if it is exclusive.
        _ = try copy.text("PRAGMA locking_mode = EXCLUSIVE")
        _ = try copy.text("PRAGMA journal_mode = DELETE")
        let found = try copy.text("PRAGMA integrity_check")
        guard found == "ok" else {
            throw SQLError(.corrupt, "the database \(path) is damaged: \(found)")
        }
    }

    private final class Handle {
        let raw: OpaquePointer
        private let path: String

        init(_ path: String, _ flags: Int32, vfs: String?) throws(SQLError) {
            var opened: OpaquePointer?
            let flags = flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
            // Names such as `:memory:` are special to SQLite; with a folder in front none is.
            self.path = path.contains("/") ? path : "./" + path
            let code = sqlite3_open_v2(self.path, &opened, flags, vfs)
            guard code == SQLITE_OK, let opened else {
                sqlite3_close_v2(opened)
                throw SQLError(
                    .other, "cannot open the database \(path)",
                    cause: LibraryError(
                        "SQLite", code: Int(code), String(cString: sqlite3_errstr(code))))
            }
            raw = opened
        }

        deinit { sqlite3_close_v2(raw) }

        func run(_ sql: String) throws(SQLError) {
            let code = sqlite3_exec(raw, sql, nil, nil, nil)
            guard code == SQLITE_OK else { throw failure(code, sql) }
        }

        /// The first column of the first row.
        func text(_ sql: String) throws(SQLError) -> String {
            var statement: OpaquePointer?
            let code = sqlite3_prepare_v2(raw, sql, -1, &statement, nil)
            defer { sqlite3_finalize(statement) }
            guard code == SQLITE_OK else { throw failure(code, sql) }
            let step = sqlite3_step(statement)
            guard step == SQLITE_ROW else { throw failure(step, sql) }
            return sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? ""
        }

        func failure(_ code: Int32, _ sql: String) -> SQLError {
            .sqlite(
                extendedCode: code, detail: String(cString: sqlite3_errmsg(raw)), path: path,
                sql: sql)
        }
    }
}
