import CoordinatorAdapters
import SQLKit
import TestSupport
import Testing

/// Coordinators that start at once on different nodes of a Galera cluster: MariaDB's locks apply to
/// one node only, so all of them migrate.
@Suite(.timeLimit(.minutes(5))) struct ClusterMigrationTests {
    @Test("Coordinators on different Galera nodes may migrate at once")
    func concurrentMigrations() async throws {
        let cluster = try await GaleraCluster()
        for seed in [[], HistoricDump.byName, HistoricDump.byID] {
            let database = try await SQLDatabase.open(.mariadb(cluster.endpoint(first: 0)))
            for sql in seed { try await database.execute(sql) }

            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in 0..<3 {
                    group.addTask {
                        let store = try await SQLStore.open(
                            .mariadb(cluster.endpoint(first: node)))
                        try await store.ping()
                        await store.close()
                    }
                }
                try await group.waitForAll()
            }

            let versions = try await database.query("SELECT version FROM schema_version")
                .map { try $0.int("version") }
            #expect(versions.count >= 7 && versions.sorted() == Array(1...versions.count))
            try await database.transaction { transaction in
                let tables = try transaction.query(
                    "SELECT table_name AS name FROM information_schema.tables "
                        + "WHERE table_schema = DATABASE()")
                try transaction.execute("SET foreign_key_checks = 0")
                for table in tables {
                    try transaction.execute("DROP TABLE \(try table.text("name"))")
                }
                try transaction.execute("SET foreign_key_checks = 1")
            }
            await database.close()
        }
    }
}
