import CoordinatorCore
import SQLKit
import Support

/// One step from a schema to the next. Steps are numbered from 1 and only go forward. A step must
/// be repeatable after an interruption: MariaDB commits at each change of a table.
struct Migration: Sendable {
    let version: Int
    let run: @Sendable (borrowing SQLTransaction) throws -> Void
}

/// Brings a database to this program's schema, whether it is empty, older, or one of the original
/// AIBuild. Two coordinators that start at once do not both migrate.
enum Migrator {
    static let migrations = [
        Migration(version: 1, run: HistoricTables.migrate),
        Migration(version: 2, run: FarmTables.migrate),
        Migration(version: 3, run: LeadershipTable.migrate),
        Migration(version: 4, run: ReleaseTables.migrate),
        Migration(version: 5, run: TestTables.migrate),
        Migration(version: 6, run: HistoricNames.migrate),
        Migration(version: 7, run: RetentionColumns.migrate),
        Migration(version: 8, run: LeadershipTable.addFences),
        Migration(version: 9, run: ReleasePolicies.migrate),
        Migration(version: 10, run: PageIndexes.migrate),
    ]

    /// How long to wait for another coordinator's migration; below the timeout of one statement.
    private static let lockSeconds = 45
    /// A large database, or a slow disk, may need more than one such wait.
    private static let lockTries = 4

    /// - Throws: `SQLError`; `StoreError.unavailable` if the database belongs to a newer aibuild.
    static func run(
        on database: SQLDatabase, migrations: [Migration] = Migrator.migrations
    ) async throws {
        try await database.transaction { transaction in
            // SQLite's transaction excludes every other process already.
            if transaction.dialect == .mariadb { try lock(transaction) }
            try migrate(transaction, migrations)
            if transaction.dialect == .mariadb {
                // First: otherwise the next coordinator has the lock before it sees the last step.
                try transaction.execute("COMMIT")
                _ = try transaction.query("SELECT RELEASE_LOCK(\(lockName)) AS r")
            }
        }
    }

    private static let lockName = "'aibuild.migrate.' || DATABASE()"

    private static func lock(_ transaction: borrowing SQLTransaction) throws {
        for _ in 0..<lockTries {
            let row = try transaction.query(
                "SELECT GET_LOCK(\(lockName), \(lockSeconds)) AS taken")
            if try row.first?.int64OrNil("taken") == 1 { return }
        }
        throw StoreError(
            .unavailable,
            "another coordinator is upgrading the database; start this one when it is done")
    }

    private static func migrate(
        _ transaction: borrowing SQLTransaction, _ migrations: [Migration]
    ) throws {
        try transaction.createTable(
            "schema_version", ["version INTEGER NOT NULL", "applied_ms BIGINT NOT NULL"],
            key: "version")
        let rows = try transaction.query("SELECT MAX(version) AS version FROM schema_version")
        let current = try rows.first?.intOrNil("version") ?? 0
        let newest = migrations.map(\.version).max() ?? 0
        guard current <= newest else {
            throw StoreError(
                .unavailable,
                "the database has schema \(current), made by a newer aibuild; this one knows "
                    + "\(newest): upgrade this coordinator")
        }
        for migration in migrations where migration.version > current {
            try migration.run(transaction)
            do {
                try transaction.execute(
                    "INSERT INTO schema_version (version, applied_ms) VALUES (?, ?)",
                    [.int(migration.version), .int(Clocks.unixMilliseconds())])
            } catch {
                // GET_LOCK holds on one node of a Galera cluster: a coordinator at another node
                // did the same step, which every statement of it allows.
                guard error.code == .constraintUnique else { throw error }
            }
        }
    }
}
