//! SQLKit: one way to talk to SQLite and to MariaDB: the same values, rows, errors and
//! transactions for both, every blocking call on a thread of its connection. Knows nothing of what
//! is stored, writes no SQL of its own beyond a connection's settings, and never lets a password
//! into a message.

/// Every bound of SQLKit, in one place, each with its reason.
public enum SQLLimits {
    /// MariaDB connections of one coordinator: measured, more than eight gain nothing, and a server
    /// has 150 for everybody.
    static let mariadbConnections = 8

    /// SQLite connections that read, each with a thread and 2 MiB of cache: slow reads may occupy
    /// three, and quick ones still find the fourth.
    static let sqliteReaders = 4

    /// Calls that wait for a free connection. More are refused: the database is then far behind,
    /// and a longer queue would only hide it.
    static let waitingCalls = 4096

    /// Rows of one answer. A caller that needs more reads page by page.
    public static let rowsPerQuery = 250_000

    /// Prepared statements kept for each connection. The store has fewer; texts built at run time
    /// must not pile up on the server.
    static let statementsPerConnection = 96

    /// Longest wait for the lock of a database file, whose last holder may be ending, or may be
    /// starting a program, which shares the lock until it runs.
    static let fileLockMilliseconds: Int64 = 2_000

    /// Tries of one transaction that met a deadlock or a lock.
    public static let transactionAttempts = 10

    /// Longest pause before a transaction runs again, doubling up to here.
    static let transactionPauseMilliseconds = 500

    /// How long to wait for a server to answer a connect.
    public static let connectTimeoutSeconds = 5

    /// Longest wait for an answer to one statement. Longer than any lock wait, long enough for the
    /// slowest migration step; a frozen server is noticed after it.
    public static let statementTimeoutSeconds = 60

    /// Longest wait for a lock that another connection or program holds.
    static let lockWaitSeconds = 5

    /// A program that is paused in a transaction holds locks for this long; then the server ends
    /// the connection, which undoes the transaction. A transaction here computes for milliseconds
    /// between two statements.
    static let idleTransactionSeconds = 5

    /// What a statement's packet has besides its text and values; generous.
    static let packetHeaderBytes = 4096

    /// Bytes of a server's own message that an error repeats.
    static let messageBytes = 1024

    /// Bytes read back of a lock file: a process id.
    static let lockFileBytes = 64
}
