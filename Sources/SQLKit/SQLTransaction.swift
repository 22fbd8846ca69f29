/// A transaction under way, lent to the body of `SQLDatabase.transaction`. It cannot be copied, so
/// it cannot outlive the body.
public struct SQLTransaction: ~Copyable {
    private let connection: any SQLConnection
    private let ledger = Ledger()

    /// A deadlock rolls a MariaDB transaction back, and the body's next statements would be
    /// committed one by one. So the first failure that breaks the transaction is kept, is thrown
    /// by every later call, and prevents the commit, even if the body swallowed it.
    private final class Ledger { var failure: SQLError? }

    init(_ connection: any SQLConnection) { self.connection = connection }

    public var dialect: SQLDialect { connection.dialect }

    var failure: SQLError? { ledger.failure }

    /// As `SQLDatabase.query`.
    public borrowing func query(
        _ sql: String, _ values: [SQLValue] = []
    ) throws(SQLError) -> [SQLRow] {
        if let failure { throw failure }
        do throws(SQLError) {
            return try connection.query(sql, values)
        } catch {
            throw noted(error)
        }
    }

    /// As `SQLDatabase.execute`. A body may catch `constraintUnique` and `constraint` and continue.
    @discardableResult
    public borrowing func execute(
        _ sql: String, _ values: [SQLValue] = []
    ) throws(SQLError) -> Int {
        if let failure { throw failure }
        do throws(SQLError) {
            return try connection.execute(sql, values)
        } catch {
            throw noted(error)
        }
    }

    private borrowing func noted(_ error: SQLError) -> SQLError {
        if !error.code.leavesTransactionWhole { ledger.failure = error }
        return error
    }
}
