import CoordinatorCore
import SQLKit

/// Runs the migrations on connections of their own, with a patience of their own.
enum SchemaUpgrade {
    /// - Parameter say: is given sentences for the operator while a lock is waited for.
    static func run(
        _ database: SQLDatabase, at location: SQLLocation,
        say: @escaping @Sendable (String) -> Void
    ) async throws {
        if try await Migrator.isDone(database) { return }
        // A SQLite file is open once, and nobody else can hold a lock in it.
        guard case .mariadb(var server) = location else {
            return try await Migrator.run(on: database)
        }
        // A large table is copied in one statement.
        server.statementTimeoutSeconds = StoreLimits.migrationStatementSeconds
        let migrating = try await SQLDatabase.open(.mariadb(server))
        let watch = MigrationWatch(database, say: say)
        do {
            async let _ = watch.run()
            try await run(on: migrating) { watch.note(connection: $0) }
            await migrating.close()
        } catch {
            await migrating.close()
            guard let busy = error as? SQLError, busy.code == .busy else { throw error }
            throw StoreError(
                .unavailable,
                "Other connections use the tables that are to be changed: \(watch.lastOthers). "
                    + "Stop the programs that they belong to (the original AIBuild, a dump, a "
                    + "console), then run: aibuild db migrate", cause: busy)
        }
    }

    /// The lock of a migration holds on one node of a Galera cluster only, and a table that a
    /// coordinator at another node is making or changing is seen half: without its columns, in the
    /// way, or in an error. So a cluster's tables are looked at again.
    private static func run(
        on database: SQLDatabase, report: @Sendable (Int) -> Void
    ) async throws {
        let isCluster =
            try await database.query("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'")
            .first?.text("Value") == "ON"
        var triesLeft = isCluster ? StoreLimits.clusterMigrationTries : 1
        while true {
            do {
                return try await Migrator.run(on: database, report: report)
            } catch {
                triesLeft -= 1
                guard triesLeft > 0, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .milliseconds(StoreLimits.migrationWatchMilliseconds))
            }
        }
    }
}
