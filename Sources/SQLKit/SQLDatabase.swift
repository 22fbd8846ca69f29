/// A database. Every call may be made from any task; blocking work happens on threads of the
/// connections. A call that is under way is not cancelled with its task: its time is bounded by
/// `SQLLimits` instead.
public final class SQLDatabase: Sendable {
    public let dialect: SQLDialect
    private let pool: SessionPool
    /// For single SELECTs outside transactions.
    private let readers: SessionPool

    private init(dialect: SQLDialect, sessions: [SQLSession], readers: [SQLSession] = []) {
        self.dialect = dialect
        pool = SessionPool(sessions)
        self.readers = readers.isEmpty ? pool : SessionPool(readers)
    }

    /// Opens the database and checks that it answers.
    /// - Throws: `SQLError`: `unreachable`, `accessDenied`, `inUse`, `corrupt` …
    public static func open(_ location: SQLLocation) async throws -> SQLDatabase {
        let database: SQLDatabase
        switch location {
        case .sqlite(let path):
            // One connection that writes, as SQLite has one writer anyway. A slow SELECT on it
            // would hold up everything else.
            let session = SQLSession(label: "sqlite") { () throws(SQLError) in
                try SQLiteConnection(path: path)
            }
            let readers = (0..<SQLLimits.sqliteReaders).map { index in
                SQLSession(label: "sqlite.reader.\(index)") { () throws(SQLError) in
                    try SQLiteConnection(reading: path)
                }
            }
            database = SQLDatabase(dialect: .sqlite, sessions: [session], readers: readers)
        case .mariadb(let server):
            let cluster = MariaDBCluster(server)
            let sessions = (0..<SQLLimits.mariadbConnections).map { index in
                SQLSession(label: "mariadb.\(index)") { () throws(SQLError) in
                    try cluster.connect()
                }
            }
            database = SQLDatabase(dialect: .mariadb, sessions: sessions)
        }
        // The connection that writes creates a SQLite file.
        _ = try await database.pool.withSession { try await $0.query("SELECT 1 AS one", []) }
        return database
    }

    /// Opens a database for SELECTs, beside the process that has it open for writing.
    public static func openForReading(_ location: SQLLocation) async throws -> SQLDatabase {
        guard case .sqlite(let path) = location else { return try await open(location) }
        let session = SQLSession(label: "sqlite.reader") { () throws(SQLError) in
            try SQLiteConnection(reading: path)
        }
        return SQLDatabase(dialect: .sqlite, sessions: [session])
    }

    /// Runs one statement and returns its rows, at most `SQLLimits.rowsPerQuery`. `?` stand for
    /// `values`, in order.
    public func query(_ sql: String, _ values: [SQLValue] = []) async throws -> [SQLRow] {
        let sessions = sql.hasPrefix("SELECT ") ? readers : pool
        return try await sessions.withSession { try await $0.query(sql, values) }
    }

    /// Runs one statement and returns how many rows it found, inserted or deleted. An UPDATE counts
    /// the rows that its WHERE found, whether or not their values changed, with both databases.
    @discardableResult
    public func execute(_ sql: String, _ values: [SQLValue] = []) async throws -> Int {
        try await pool.withSession { try await $0.execute(sql, values) }
    }

    /// Runs `body` in a transaction on the connection's thread: all of it takes effect, or nothing.
    ///
    /// `body` runs again, at most `SQLLimits.transactionAttempts` times, after a deadlock, a
    /// lock, or a connection that broke before COMMIT; so it must have no effect but on the
    /// database. It blocks its connection and should compute little. An error that it throws rolls
    /// back and is rethrown.
    /// - Throws: `SQLError.connectionLost` if COMMIT was under way: the outcome is not known.
    public func transaction<T: Sendable>(
        _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        var attempt = 0
        while true {
            attempt += 1
            let outcome = try await pool.withSession { try await $0.transaction(body) }
            switch outcome {
            case .done(let result): return result
            case .again(let error) where attempt >= SQLLimits.transactionAttempts:
                // Nothing was committed, so the outcome is known.
                guard error.code == .connectionLost else { throw error }
                throw SQLError(.unreachable, cause: error)
            case .again:
                // Without a random pause, two transactions that collided would collide again.
                let longest = min(SQLLimits.transactionPauseMilliseconds, 5 << attempt)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...longest)))
            }
        }
    }

    /// Closes the connections after the calls under way; later calls are refused.
    public func close() async {
        if readers !== pool { for session in readers.sessions { await session.close() } }
        for session in pool.sessions { await session.close() }
    }
}
