import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import TestSupport
import Testing

/// The tables.
@Suite(.timeLimit(.minutes(3))) struct SchemaTests {
    /// As in the README of the original AIBuild.
    private static let historic: [(table: String, columns: [(String, String)])] = [
        (
            "guestos",
            [
                ("id", "varchar(36)"), ("name", "varchar(255)"), ("base_iso", "varchar(255)"),
                ("type", "varchar(36)"), ("distro", "varchar(36)"), ("version", "varchar(36)"),
            ]
        ),
        (
            "build_log",
            [
                ("id", "varchar(36)"), ("image_name", "varchar(255)"), ("os_id", "varchar(36)"),
                ("build_at", "datetime"), ("update_contents", "text"),
                ("get_url", "varchar(255)"),
            ]
        ),
        (
            "testcases",
            [("id", "varchar(36)"), ("name", "varchar(255)"), ("os_type", "varchar(36)")]
        ),
        (
            "test_log",
            [
                ("id", "varchar(36)"), ("build_id", "varchar(36)"), ("case_id", "varchar(36)"),
                ("result", "varchar(10)"), ("test_at", "datetime"),
            ]
        ),
        (
            "release_log",
            [
                ("id", "varchar(36)"), ("env_id", "varchar(60)"), ("glance_id", "varchar(36)"),
                ("release_at", "datetime"),
            ]
        ),
        (
            "envs",
            [
                ("id", "varchar(36)"), ("name", "varchar(64)"), ("auth_url", "varchar(255)"),
                ("project_domain_name", "varchar(64)"), ("user_domain_name", "varchar(64)"),
                ("project_name", "varchar(64)"), ("username", "varchar(255)"),
                ("password", "varchar(255)"), ("region", "varchar(255)"),
            ]
        ),
    ]

    private func columns(
        _ table: String, _ database: SQLDatabase
    ) async throws -> [(String, String, Bool)] {
        let rows =
            switch database.dialect {
            case .sqlite:
                try await database.query(
                    "SELECT name, type, \"notnull\" AS required FROM pragma_table_info(?)",
                    [.text(table)])
            case .mariadb:
                try await database.query(
                    "SELECT column_name AS name, column_type AS type, is_nullable = 'NO' AS "
                        + "required FROM information_schema.columns WHERE table_name = ? "
                        + "AND table_schema = DATABASE() ORDER BY ordinal_position",
                    [.text(table)])
            }
        return try rows.map {
            (try $0.text("name"), try $0.text("type").lowercased(), try $0.bool("required"))
        }
    }

    /// The columns that aibuild adds to the historic ones.
    private static let added = [
        "guestos": ["template", "owner", "created_ms", "last_number"],
        "build_log": ["os_name"], "testcases": ["definition"],
        "test_log": [
            "attempt", "milliseconds", "detail", "log_from", "log_to", "image_name", "case_name",
        ],
        "release_log": ["env_name"],
        "envs": ["settings", "secret", "created_ms", "policy", "secret_name"],
    ]

    @Test("The historic tables keep their columns and types", arguments: StoreKind.databases)
    func historicTables(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            await (try SQLStore.open(location)).close()
            let database = try await SQLDatabase.open(location)
            for (table, expected) in Self.historic {
                let found = try await columns(table, database)
                for (index, column) in expected.enumerated() {
                    #expect(found[index].0 == column.0, "\(table)")
                    #expect(found[index].1 == column.1, "\(table).\(column.0)")
                    let isRequired = column.0 == "id" || table == "envs"
                    #expect(found[index].2 == isRequired, "\(table).\(column.0)")
                }
                let more = found.dropFirst(expected.count).map { $0.0 }
                #expect(more == Self.added[table] ?? [], "\(table)")
            }
            await database.close()
        }
    }

    /// Their rows are registered by people, or of a fixed number.
    private static let boundedTables: Set<String> = [
        "api_tokens", "envs", "guestos", "hosts", "leadership", "leadership_fences", "principals",
        "release_names", "retention_state", "schema_version", "secrets", "sessions",
        "sign_in_codes", "testcases", "trigger_state",
    ]

    @Test("Every table that may grow without end has a rule of retention")
    func growingTables() async throws {
        try await StoreKind.sqlite.withLocation { location in
            let store = try await SQLStore.open(location)
            await store.close()
            let database = try await SQLDatabase.open(location)
            let names = try await database.query(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            ).map { try $0.text("name") }
            await database.close()
            let growing = GrowingData.all.compactMap { data in
                if case .table(let name) = data.place { name } else { nil }
            }
            #expect(Set(names).subtracting(growing) == Self.boundedTables)
            #expect(Set(growing).isSubset(of: names))
        }
    }

    private static let pages = [
        "builds_live": "SELECT id, priority FROM builds WHERE live = 1 AND id > 'b1' ORDER BY id "
            + "LIMIT 10",
        "builds_state": "SELECT id, priority FROM builds WHERE state IN ('building') "
            + "ORDER BY submitted_ms DESC, id DESC LIMIT 10",
    ]

    @Test("Pages of builds are read in order from an index", arguments: StoreKind.databases)
    func pageIndexes(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let store = try await SQLStore.open(location)
            let leader = try await store.leader()
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for index in 0..<60 {
                let build = Samples.build("b\(index)", priority: index % 7, at: Int64(index))
                _ = try await leader.enqueue(build)
                if index >= 20 { try await leader.run(build.id, UInt64(index), from: 1, to: 2) }
            }
            await store.close()
            let database = try await SQLDatabase.open(location)
            try await addHistory(database)
            for (index, sql) in Self.pages {
                switch database.dialect {
                case .sqlite:
                    let plan = try await database.query("EXPLAIN QUERY PLAN " + sql)
                    let words = try plan.map { try $0.text("detail") }.joined(separator: "; ")
                    #expect(words.contains(index))
                    #expect(!words.contains("TEMP B-TREE"), "it sorts: \(words)")
                case .mariadb:
                    try await database.execute("ANALYZE TABLE builds")
                    let plan = try await database.query("EXPLAIN " + sql)
                    #expect(try plan.first?.textOrNil("key") == index, "\(plan)")
                    let extra = try plan.first?.textOrNil("Extra") ?? ""
                    #expect(!extra.contains("filesort"), "it sorts: \(extra)")
                }
            }
            await database.close()
        }
    }

    /// Copies the builds that ended until they outnumber the live ones as on a farm. In a small
    /// table MariaDB's estimates leave several indexes equally good.
    private func addHistory(_ database: SQLDatabase) async throws {
        let names = try await columns("builds", database).map { $0.0 }
        for (step, letter) in "cdefghi".enumerated() {
            let values = names.map {
                switch $0 {
                case "id" where database.dialect == .mariadb: "concat('\(letter)', id)"
                case "id": "'\(letter)' || id"
                case "number": "number + \(1000 << step)"
                default: $0
                }
            }
            try await database.execute(
                "INSERT INTO builds (\(names.joined(separator: ", "))) "
                    + "SELECT \(values.joined(separator: ", ")) FROM builds WHERE live = 0")
        }
    }

    @Test("Records outlive the store that wrote them", arguments: StoreKind.databases)
    func recordsAreDurable(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let first = try await SQLStore.open(location)
            try await first.leader().add(Samples.guestOS("ubuntu1604"))
            let build = try await first.leader().enqueue(Samples.build("b1"))
            await first.close()
            let second = try await SQLStore.open(location)
            #expect(try await second.build(id: "b1") == build)
            await second.close()
        }
    }

    @Test("A database of a newer aibuild is refused", arguments: StoreKind.databases)
    func newerSchema(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            await (try SQLStore.open(location)).close()
            let database = try await SQLDatabase.open(location)
            try await database.execute("INSERT INTO schema_version VALUES (99, 0)")
            await database.close()
            let error = await #expect(throws: StoreError.self) {
                try await SQLStore.open(location)
            }
            #expect(error?.description.contains("made by a newer aibuild") == true)
            #expect(error?.description.contains("upgrade this coordinator") == true)
        }
    }

    /// The second waits, finds everything done, and both work.
    @Test("Coordinators that start at once migrate once")
    func concurrentStarts() async throws {
        try await StoreKind.mariadb.withLocation { location in
            let stores = try await withThrowingTaskGroup(of: SQLStore.self) { group in
                for _ in 0..<5 { group.addTask { try await SQLStore.open(location) } }
                return try await group.reduce(into: [SQLStore]()) { $0.append($1) }
            }
            for (index, store) in stores.enumerated() {
                try await store.leader().add(Samples.guestOS("os\(index)"))
            }
            #expect(try await stores[0].guestOSes(after: nil, limit: 9).count == 5)
            for store in stores { await store.close() }
            let database = try await SQLDatabase.open(location)
            let rows = try await database.query("SELECT version FROM schema_version")
            #expect(try rows.map { try $0.int("version") }.sorted() == Array(1...24))
            await database.close()
        }
    }

    @Test("A server that is down is reported as unavailable")
    func unreachableServer() async throws {
        let location = SQLLocation.mariadb(
            MariaDBEndpoint(port: 1, user: "u", password: "secret-word", database: "d"))
        let error = await #expect(throws: StoreError.self) { try await SQLStore.open(location) }
        #expect(error?.code == .unavailable)
        #expect(error?.cause is SQLError)
        #expect(error?.description.hasPrefix("Cannot reach MariaDB at 127.0.0.1:1 as u") == true)
    }
}
