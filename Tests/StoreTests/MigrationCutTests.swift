import CoordinatorAdapters
import SQLKit
import Synchronization
import TestSupport
import Testing

/// A coordinator that is killed at any statement of a migration: MariaDB commits each change of a
/// table by itself, so every statement leaves another partial schema. The next start completes it.
@Suite(.timeLimit(.minutes(10))) struct MigrationCutTests {
    private static let cutsPerCase = 12

    /// The result of a migration: all columns, indexes, steps and older rows.
    private static func dump(_ location: SQLLocation) async throws -> [String] {
        let database = try await SQLDatabase.open(location)
        var lines: [String] = []
        for sql in [
            "SELECT CONCAT(table_name, ' ', engine, ' ', table_collation) AS line "
                + "FROM information_schema.tables WHERE table_schema = DATABASE()",
            "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, "
                + "column_default) AS line FROM information_schema.columns "
                + "WHERE table_schema = DATABASE()",
            "SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, collation, "
                + "non_unique) AS line FROM information_schema.statistics "
                + "WHERE table_schema = DATABASE()",
            "SELECT CONCAT('schema ', version) AS line FROM schema_version",
            "SELECT CONCAT_WS(' ', 'guestos', id, name) AS line FROM guestos",
            "SELECT CONCAT_WS(' ', 'build_log', id, os_id, get_url) AS line FROM build_log",
            "SELECT CONCAT_WS(' ', 'test_log', id, build_id, case_id) AS line FROM test_log",
        ] {
            lines += try await database.query(sql).map { try $0.text("line") }.sorted()
        }
        await database.close()
        return lines
    }

    private static func seeded(_ server: MariaDBServer, _ seed: [String]) async throws
        -> MariaDBEndpoint
    {
        let endpoint = try await server.makeDatabase()
        guard !seed.isEmpty else { return endpoint }
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        for sql in seed { try await database.execute(sql) }
        await database.close()
        return endpoint
    }

    /// How many statements a whole migration sends.
    private static func statements(_ server: MariaDBServer, _ seed: [String]) async throws -> Int {
        let endpoint = try await seeded(server, seed)
        let proxy = try CommitCutter(port: server.port)
        proxy.statementsLeft.store(Int(Int32.max), ordering: .sequentiallyConsistent)
        var throughProxy = endpoint
        throughProxy.socket = proxy.socketPath
        await (try SQLStore.open(.mariadb(throughProxy))).close()
        proxy.close()
        return Int(Int32.max) - proxy.statementsLeft.load(ordering: .sequentiallyConsistent)
    }

    /// - Returns: whether the migration was done before the cut.
    private static func cut(
        _ server: MariaDBServer, _ seed: [String], after statements: Int, waiting: Bool,
        _ whole: [String]
    ) async throws -> Bool {
        let endpoint = try await seeded(server, seed)
        let proxy = try CommitCutter(port: server.port)
        proxy.waitsForEffect.store(waiting, ordering: .sequentiallyConsistent)
        proxy.statementsLeft.store(statements, ordering: .sequentiallyConsistent)
        var throughProxy = endpoint
        throughProxy.socket = proxy.socketPath
        let store = try? await SQLStore.open(.mariadb(throughProxy))
        await store?.close()
        proxy.close()
        // The next coordinator.
        await (try SQLStore.open(.mariadb(endpoint))).close()
        let found = try await dump(.mariadb(endpoint))
        #expect(found == whole, "cut after \(statements) statements, waiting: \(waiting)")
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        try await database.execute("DROP DATABASE \(endpoint.database)")
        await database.close()
        return store != nil
    }

    @Test(
        "A migration that is cut at any statement is completed by the next start",
        arguments: [true, false], [true, false])
    func cutMigration(_ isOld: Bool, _ waiting: Bool) async throws {
        let server = try await MariaDBServer.shared()
        let seed = isOld ? HistoricDump.byName : []
        let reference = try await Self.seeded(server, seed)
        await (try SQLStore.open(.mariadb(reference))).close()
        let whole = try await Self.dump(.mariadb(reference))
        #expect(whole.contains("schema 2"))
        // Each cut costs two whole migrations, so the cuts are a sample, of a size that further
        // migrations do not raise. It begins elsewhere in each case, so that the four together are
        // finer than one.
        let count = try await Self.statements(server, seed)
        #expect(count > 40, "only \(count) statements were seen")
        let step = max(1, count / Self.cutsPerCase)
        let offset = (isOld ? 0 : step / 2) + (waiting ? 0 : step / 4)
        var unfinished = 0
        for statements in stride(from: 1 + offset, to: count, by: step)
        where try await !Self.cut(server, seed, after: statements, waiting: waiting, whole) {
            unfinished += 1
        }
        // The last statements only close what has been migrated.
        #expect(unfinished > Self.cutsPerCase / 2, "of \(count) statements")
    }
}
