public import CoordinatorCore
public import SQLKit
public import Support

/// The farm's memory in SQLite or MariaDB, through the same SQL.
///
/// Each method is one transaction or one statement. A connection that is lost during COMMIT leaves
/// the outcome open; the methods that change builds then look again, so that their caller gets the
/// truth.
public final class SQLStore: Store {
    let database: SQLDatabase
    private let secretKey: SecretKey?

    private init(_ database: SQLDatabase, _ secretKey: SecretKey?) {
        self.database = database
        self.secretKey = secretKey
    }

    /// Opens the database and brings its schema up to date.
    /// - Parameter secretKey: seals the secrets of environments; without one they are not touched.
    /// - Throws: `StoreError.unavailable` with a sentence that says what to do.
    public static func open(
        _ location: SQLLocation, secretKey: SecretKey? = nil
    ) async throws -> SQLStore {
        let database = try await reporting { try await SQLDatabase.open(location) }
        do {
            try await reporting { try await Migrator.run(on: database) }
        } catch {
            await database.close()
            throw error
        }
        let store = SQLStore(database, secretKey)
        if secretKey != nil { try await store.sealClearPasswords() }
        return store
    }

    /// - Throws: `StoreError.unavailable` where the store was opened without one.
    func key() throws -> SecretKey {
        guard let secretKey else {
            throw StoreError.unavailable("there is no key to seal and unseal secrets with")
        }
        return secretKey
    }

    public func close() async { await database.close() }

    public func ping() async throws {
        _ = try await query("SELECT version FROM schema_version")
    }

    // MARK: Audit

    public func record(_ entry: AuditEntry) async throws {
        try await execute(
            "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
            [
                .int(entry.atMilliseconds), .text(entry.actor), .text(entry.action),
                .text(entry.subject), .text(entry.detail),
            ])
    }

    public func audit(limit: Int) async throws -> [AuditEntry] {
        try await query(
            "SELECT at_ms, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?",
            [.int(limit)]
        ) { row in
            AuditEntry(
                atMilliseconds: try row.int64("at_ms"), actor: try row.text("actor"),
                action: try row.text("action"), subject: try row.text("subject"),
                detail: try row.text("detail"))
        }
    }

    // MARK: Ways to the database

    func query(_ sql: String, _ values: [SQLValue] = []) async throws -> [SQLRow] {
        try await Self.reporting { try await database.query(sql, values) }
    }

    func query<T>(
        _ sql: String, _ values: [SQLValue] = [], _ decode: (SQLRow) throws -> T
    ) async throws -> [T] {
        try await Self.reporting { try await database.query(sql, values).map(decode) }
    }

    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue] = []) async throws -> Int {
        try await Self.reporting { try await database.execute(sql, values) }
    }

    /// A leader's INSERT of something whose name is unique.
    func insert(
        _ sql: String, _ values: [SQLValue], what: String, name: String, epoch: Int64
    ) async throws {
        try await Self.reporting {
            do {
                try await fenced(sql, values, epoch)
            } catch let error as SQLError where error.code == .constraintUnique {
                throw StoreError.exists(what: what, name: name)
            }
        }
    }

    /// A leader's UPDATE or DELETE of one row that must be there.
    func change(
        _ sql: String, _ values: [SQLValue], what: String, name: String, epoch: Int64
    ) async throws {
        let count = try await Self.reporting { try await fenced(sql, values, epoch) }
        guard count > 0 else { throw StoreError.notFound(what: what, name: name) }
    }

    @discardableResult
    private func fenced(_ sql: String, _ values: [SQLValue], _ epoch: Int64) async throws -> Int {
        try await database.transaction { transaction in
            try Self.fence(epoch, transaction)
            return try transaction.execute(sql, values)
        }
    }

    /// A transaction that may be run again after it took effect, because it notices that.
    func repeatable<T: Sendable>(
        _ body: @Sendable (borrowing SQLTransaction) throws -> T
    ) async throws -> T {
        try await Self.reporting {
            for _ in 1..<Self.lostCommits {
                do {
                    return try await database.transaction(body)
                } catch let error as SQLError where error.code == .connectionLost { continue }
            }
            return try await database.transaction(body)
        }
    }

    /// COMMITs in a row whose answer was lost. The next connect is what tells whether the server
    /// is there at all.
    private static let lostCommits = 3

    static func reporting<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as SQLError {
            throw StoreError.unavailable(error.message)
        } catch let error as DecodingError {
            throw StoreError.unavailable("a row of the database cannot be read: \(error)")
        }
    }
}

extension SQLTransaction {
    /// MariaDB locks the row that a transaction reads in order to change it; SQLite has one writer.
    var forUpdate: String { dialect == .mariadb ? " FOR UPDATE" : "" }
}
