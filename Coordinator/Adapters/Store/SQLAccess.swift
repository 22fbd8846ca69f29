import CoordinatorCore
import SQLKit

/// The way to the database: statements and transactions whose errors are the store's.
struct SQLAccess: Sendable {
    let database: SQLDatabase

    /// What is done if a connection is lost during COMMIT, which leaves the outcome open.
    enum LostCommit {
        /// The body runs again. It must notice if it took effect the first time.
        case runsAgain
        /// The caller gets the error.
        case isReported
    }

    func all<Row>(_ select: SQLSelect<Row>) async throws -> [Row] {
        try await all(select, select.decode)
    }

    /// For rows whose decoding shares state.
    func all<Row, Result>(
        _ select: SQLSelect<Row>, _ decode: (SQLRow) throws -> Result
    ) async throws -> [Result] {
        try await Self.reporting {
            try await database.query(select.sql, select.values).map(decode)
        }
    }

    func first<Row>(_ select: SQLSelect<Row>) async throws -> Row? {
        try await all(select).first
    }

    func execute(_ sql: String, _ values: [SQLValue] = []) async throws {
        try await Self.reporting { _ = try await database.execute(sql, values) }
    }

    /// A page of a list, newest first by `time`, then by id.
    /// - Parameter after: the id of the row after which the page begins. If there is no such row,
    ///   the page is empty.
    func page<Row>(
        of select: SQLSelect<Row>, table: String, time: String, _ conditions: SQLConditions,
        after: String?, limit: Int
    ) async throws -> [Row] {
        var conditions = conditions
        if let after {
            let times = SQLSelect("SELECT \(time) FROM \(table) WHERE id = ?", [.text(after)]) {
                try $0.int64(time)
            }
            guard let last = try await first(times) else { return [] }
            // Row values, (a, b) < (c, d), would not use the index in MariaDB.
            conditions.add(
                "\(time) <= ? AND (\(time) < ? OR id < ?)", [.int(last), .int(last), .text(after)])
        }
        return try await all(
            select.with(conditions.sql, conditions.values)
                .with("ORDER BY \(time) DESC, id DESC LIMIT ?", [.int(limit)]))
    }

    /// Runs `body` as one transaction.
    func transaction<T: Sendable>(
        _ lostCommit: LostCommit, _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        try await Self.reporting {
            if case .runsAgain = lostCommit {
                for _ in 1..<Self.lostCommits {
                    do {
                        return try await database.transaction(body)
                    } catch let error as SQLError where error.code == .connectionLost { continue }
                }
            }
            return try await database.transaction(body)
        }
    }

    /// COMMITs in a row whose answer was lost. Whether the server can be reached at all is decided
    /// by the next connect.
    private static let lostCommits = 3

    /// Turns the database's errors into the store's.
    static func reporting<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as SQLError {
            throw StoreError(.unavailable, cause: error)
        } catch let error as DecodingError {
            throw StoreError(.unavailable, "a row of the database cannot be read", cause: error)
        }
    }
}
