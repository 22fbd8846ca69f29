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
