import CoordinatorCore
import SQLKit
import Support

/// One step from a schema to the next. Steps are numbered from 1 and only go forward. A step must
/// be repeatable after an interruption: MariaDB commits at each change of a table.
struct Migration: Sendable {
    let version: Int
    let changes: [SchemaChange]
}

/// Brings a database to this program's schema, whether it is empty, older, or one of the original
/// AIBuild. Two coordinators that start at once do not both migrate.
enum Migrator {
    static let migrations = [
        Migration(version: 1, changes: HistoricTables.changes),
        Migration(version: 2, changes: FarmTables.changes),
        Migration(version: 3, changes: LeadershipTable.changes),
        Migration(version: 4, changes: ReleaseTables.changes),
        Migration(version: 5, changes: TestTables.changes),
        Migration(version: 6, changes: HistoricNames.changes),
        Migration(version: 7, changes: RetentionColumns.changes),
        Migration(version: 8, changes: LeadershipTable.fences),
        Migration(version: 9, changes: ReleasePolicies.changes),
        Migration(version: 10, changes: PageIndexes.changes),
        Migration(version: HistoricRepairs.version, changes: HistoricRepairs.changes),
        Migration(version: 12, changes: DrainColumns.changes + RetentionTable.changes),
        Migration(version: 13, changes: AttemptTable.changes),
        Migration(version: 14, changes: HistoricWidths.changes),
        Migration(version: 15, changes: DeliveryTable.changes + StatusTable.changes),
        Migration(version: 16, changes: SecretTable.changes),
        Migration(version: 17, changes: TriggerTable.changes),
        Migration(version: 18, changes: NotificationTable.changes),
        Migration(version: 19, changes: RemoteImageTable.changes),
        Migration(version: 20, changes: AccessTable.changes + AuditTable.changes),
        Migration(version: 21, changes: AccessTable.subjects),
        Migration(version: 22, changes: HostVariableColumns.changes),
        Migration(version: 23, changes: SecretScopes.changes),
        Migration(version: 24, changes: FailureTable.changes),
    ]

    static let newest = migrations.map(\.version).max() ?? 0

    private static let versions = SchemaChange.table(
        "schema_version", ["version INTEGER NOT NULL", "applied_ms BIGINT NOT NULL"],
        key: "version")

    /// How long to wait for another coordinator's migration; below the timeout of one statement.
    private static let lockSeconds = 45
    /// A large database, or a slow disk, may need more than one such wait.
    private static let lockTries = 4

    /// - Parameter report: is given the connection's id, for `MigrationWatch`.
    /// - Throws: `SQLError`; `StoreError.unavailable` if the database belongs to a newer aibuild,
    ///   or has tables that are in the way.
    static func run(
        on database: SQLDatabase, report: @Sendable (Int) -> Void = { _ in }
    ) async throws {
        try await database.transaction { transaction in
            // SQLite's transaction excludes every other process already.
            if transaction.dialect == .mariadb {
                let row = try transaction.query("SELECT CONNECTION_ID() AS id").first
                report(try row?.int("id") ?? 0)
                try lock(transaction)
            }
            try migrate(transaction)
            if transaction.dialect == .mariadb {
                // First: otherwise the next coordinator has the lock before it sees the last step.
                try transaction.execute("COMMIT")
                _ = try transaction.query("SELECT RELEASE_LOCK(\(lockName)) AS r")
            }
        }
    }

    /// Whether there is nothing to do.
    static func isDone(_ database: SQLDatabase) async throws -> Bool {
        try await database.transaction { try version($0) } == newest
    }

    /// The last step that was applied; 0 if none was.
    static func version(_ transaction: borrowing SQLTransaction) throws -> Int {
        let columns = try transaction.columnNames(of: "schema_version")
        // Others' migrations have a table of this name too.
        guard columns.isSuperset(of: ["version", "applied_ms"]) else { return 0 }
        return try transaction.query("SELECT MAX(version) AS version FROM schema_version")
            .first?.intOrNil("version") ?? 0
    }

    /// What the steps after this one would meet.
    static func check(
        after version: Int, _ transaction: borrowing SQLTransaction
    ) throws -> SchemaCheck {
        let pending = migrations.filter { $0.version > version }
        return try SchemaCheck(
            SchemaSurvey(transaction),
            pending: pending.isEmpty ? [] : [Migration(version: 0, changes: [versions])] + pending,
            transaction)
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

    private static func migrate(_ transaction: borrowing SQLTransaction) throws {
        let current = try version(transaction)
        guard current <= newest else {
            throw StoreError(
                .unavailable,
                "the database has schema \(current), made by a newer aibuild; this one knows "
                    + "\(newest): upgrade this coordinator")
        }
        let obstacles = try check(after: current, transaction).obstacles
        guard obstacles.isEmpty else {
            throw StoreError(
                .unavailable,
                "The database cannot be migrated as it is; nothing was changed.\n"
                    + obstacles.map { "- \($0)\n" }.joined() + "Then run: aibuild db migrate")
        }
        try transaction.apply(versions)
        for migration in migrations where migration.version > current {
            for change in migration.changes { try transaction.apply(change) }
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
