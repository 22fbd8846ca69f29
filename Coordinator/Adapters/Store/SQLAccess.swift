import CoordinatorCore
import SQLKit

/// The way to the database: statements and transactions whose errors are the store's.
struct SQLAccess: Sendable {
    let database: SQLDatabase
    var observe: @Sendable (StoreCall) -> Void = { _ in }
    let unusable = UnusableRows()

    /// What is done if a connection is lost during COMMIT, which leaves the outcome open.
    enum LostCommit {
        /// The body runs again. It must notice if it took effect the first time.
        case runsAgain
        /// The caller gets the error.
        case isReported
    }

    /// Every row.
    /// - Throws: `StoreError.unusable` if one cannot be read.
    func all<Row>(_ select: SQLSelect<Row>) async throws -> [Row] {
        try await rows(select).map(select.read)
    }

    func first<Row>(_ select: SQLSelect<Row>) async throws -> Row? {
        try await all(select).first
    }

    /// The rows that can be read; the others are noted and left out.
    func usable<Row>(_ select: SQLSelect<Row>) async throws -> [Row] {
        try usable(await rows(select), select, select.decode)
    }

    /// The first rows that can be read, at most `limit`.
    func usable<Row>(_ select: SQLSelect<Row>, limit: Int) async throws -> [Row] {
        var found: [Row] = []
        var offset = 0
        while found.count < limit {
            let wanted = limit - found.count
            let page = select.with("LIMIT ? OFFSET ?", [.int(wanted), .int(offset)])
            let rows = try await rows(page)
            found += try usable(rows, page, page.decode)
            offset += rows.count
            if rows.count < wanted { break }
        }
        return found
    }

    /// The rows after an id, by id, that can be read.
    /// - Parameters:
    ///   - select: ends with a WHERE clause.
    ///   - decode: replaces that of the SELECT.
    func page<Row, Result: Sendable>(
        byID select: SQLSelect<Row>, after: String?, limit: Int,
        _ decode: (SQLRow) throws -> Result
    ) async throws -> StorePage<Result> {
        let page = select.with(
            "AND id > ? ORDER BY id LIMIT ?", [.text(after ?? ""), .int(limit)])
        let rows = try await rows(page)
        return StorePage(
            rows: try usable(rows, page, decode),
            next: rows.count < limit ? nil : try rows.last?.text("id"))
    }

    private func usable<Row, Result>(
        _ rows: [SQLRow], _ select: SQLSelect<Row>, _ decode: (SQLRow) throws -> Result
    ) throws -> [Result] {
        let hadNone = unusable.isEmpty
        return try rows.compactMap { row in
            do {
                let result = try select.read(row, decode)
                if !hadNone {
                    unusable.clear(table: select.origin.table, id: select.origin.name(of: row))
                }
                return result
            } catch let error as StoreError where error.code == .unusable {
                unusable.note(
                    UnusableRow(
                        table: select.origin.table, id: select.origin.name(of: row),
                        reason: error.cause.map { "\($0)" } ?? error.message))
                return nil
            }
        }
    }

    private func rows<Row>(_ select: SQLSelect<Row>) async throws -> [SQLRow] {
        let watch = StoreCall.Watch(.read, observe)
        do {
            let rows = try await Self.reporting {
                try await database.query(select.sql, select.values)
            }
            watch.ended()
            return rows
        } catch {
            watch.ended(error)
            throw error
        }
    }

    func execute(_ sql: String, _ values: [SQLValue] = []) async throws {
        let watch = StoreCall.Watch(.write, observe)
        do {
            try await Self.reporting { _ = try await database.execute(sql, values) }
            watch.ended()
        } catch {
            watch.ended(error)
            throw error
        }
    }

    /// A page of a list, newest first by `time`, then by id.
    /// - Parameter after: the id of the row after which the page begins. If there is no such row,
    ///   the page is empty.
    func page<Row>(
        of select: SQLSelect<Row>, time: String, _ conditions: SQLConditions, after: String?,
        limit: Int
    ) async throws -> [Row] {
        var conditions = conditions
        if let after {
            let times = SQLSelect(
                "SELECT id, \(time) FROM \(select.origin.table) WHERE id = ?", [.text(after)],
                of: select.origin
            ) { try $0.int64(time) }
            guard let last = try await first(times) else { return [] }
            // Row values, (a, b) < (c, d), would not use the index in MariaDB.
            conditions.add(
                "\(time) <= ? AND (\(time) < ? OR id < ?)", [.int(last), .int(last), .text(after)])
        }
        return try await usable(
            select.with(conditions.sql, conditions.values)
                .with("ORDER BY \(time) DESC, id DESC"), limit: limit)
    }

    /// Runs `body` as one transaction.
    func transaction<T: Sendable>(
        _ lostCommit: LostCommit, _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        let watch = StoreCall.Watch(.transaction, observe)
        do {
            let result = try await committed(lostCommit, body)
            watch.ended()
            return result
        } catch {
            watch.ended(error)
            throw error
        }
    }

    private func committed<T: Sendable>(
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
        }
    }
}
