import Support

/// One connection and the thread that it blocks. The connection is opened when it is first needed
/// and again after it was lost. No method suspends, so calls never interleave on the connection.
actor SQLSession {
    enum Attempt<T: Sendable>: Sendable {
        case done(T)
        /// Nothing took effect; the same transaction may succeed if it is run again.
        case again(SQLError)
    }

    private let executor: QueueExecutor
    private let open: @Sendable () throws(SQLError) -> any SQLConnection
    private var connection: (any SQLConnection)?
    private var isClosed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(label: String, open: @escaping @Sendable () throws(SQLError) -> any SQLConnection) {
        executor = QueueExecutor(label: label)
        self.open = open
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        try usable().query(sql, values)
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        try usable().execute(sql, values)
    }

    func transaction<T: Sendable>(
        _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) throws -> Attempt<T> {
        let connection = try usable()
        do throws(SQLError) {
            try connection.begin()
        } catch {
            if error.code.isTransient { return .again(error) }
            throw error
        }
        let transaction = SQLTransaction(connection)
        let result: T
        do {
            result = try body(transaction)
            if let failure = transaction.failure { throw failure }
        } catch {
            rollBack(connection)
            if let failure = transaction.failure {
                if failure.code.isTransient { return .again(failure) }
                throw failure
            }
            throw error
        }
        do throws(SQLError) {
            try connection.commit()
        } catch {
            rollBack(connection)
            if error.code == .busy { return .again(error) }
            throw error
        }
        return .done(result)
    }

    func close() {
        isClosed = true
        connection = nil
    }

    private func usable() throws(SQLError) -> any SQLConnection {
        if isClosed { throw SQLError(.misuse, "the database was closed") }
        if let connection, connection.isUsable { return connection }
        connection = nil
        let fresh = try open()
        connection = fresh
        return fresh
    }

    /// A connection that cannot even roll back is closed: the server then rolls back.
    private func rollBack(_ connection: any SQLConnection) {
        do throws(SQLError) { try connection.rollBack() } catch { self.connection = nil }
    }
}

/// One open connection. Not `Sendable`: it lives on the executor of its `SQLSession`, whose thread
/// blocks while the database works.
protocol SQLConnection: AnyObject {
    var dialect: SQLDialect { get }

    /// Whether the next call can succeed. Asks only the kernel, never the server.
    var isUsable: Bool { get }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow]

    /// Rows that the statement found (not only those whose values differ), inserted or deleted.
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int

    func begin() throws(SQLError)
    func commit() throws(SQLError)
    func rollBack() throws(SQLError)
}
