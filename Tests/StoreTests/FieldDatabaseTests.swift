import CoordinatorAdapters
import CoordinatorCore
import Dispatch
import SQLKit
import Support
import TestSupport
import Testing

/// Databases of the original AIBuild as teams have made them: with tables, columns and keys of
/// their own, and rows that only the original's comparison or its clients understood.
@Suite(.timeLimit(.minutes(5))) struct FieldDatabaseTests {
    private func database(
        _ sql: [String], _ body: (SQLLocation, SQLDatabase) async throws -> Void
    ) async throws {
        let location = SQLLocation.mariadb(try await MariaDBServer.shared().makeDatabase())
        let database = try await SQLDatabase.open(location)
        for statement in sql { try await database.execute(statement) }
        try await body(location, database)
        await database.close()
    }

    private func old(_ dump: [String], charset: String = "utf8mb3") -> [String] {
        dump.map { $0 + ($0.hasPrefix("CREATE") ? " CHARACTER SET \(charset)" : "") }
    }

    private func tables(_ database: SQLDatabase) async throws -> [String] {
        try await database.query(
            "SELECT table_name AS name FROM information_schema.tables "
                + "WHERE table_schema = DATABASE() ORDER BY 1"
        ).map { try $0.text("name") }
    }

    private static let collisions: [(sql: String, words: String, remedy: String)] = [
        (
            "CREATE TABLE hosts (id int PRIMARY KEY, ip varchar(20), note text)",
            "The table hosts (id, ip, note) is not aibuild's",
            "ALTER TABLE hosts RENAME TO team_hosts"
        ),
        (
            "CREATE TABLE builds (id varchar(36) PRIMARY KEY, number int)",
            "The table builds (id, number) is not aibuild's",
            "ALTER TABLE builds RENAME TO team_builds"
        ),
        (
            "CREATE TABLE audit (at_ms bigint, who text)", "The table audit (at_ms, who)",
            "ALTER TABLE audit RENAME TO team_audit"
        ),
        (
            "CREATE VIEW releases AS SELECT id FROM guestos", "The view releases (id)",
            "RENAME TABLE releases TO team_releases"
        ),
        (
            "CREATE TABLE schema_version (installed_rank int PRIMARY KEY, version varchar(50))",
            "The table schema_version (installed_rank, version)",
            "ALTER TABLE schema_version RENAME TO team_schema_version"
        ),
        (
            "ALTER TABLE guestos ADD COLUMN template varchar(20) DEFAULT 'TEAM'",
            "The column guestos.template (varchar(20)) is not aibuild's",
            "ALTER TABLE guestos RENAME COLUMN template TO team_template"
        ),
        (
            "ALTER TABLE guestos ADD COLUMN owner varchar(128) DEFAULT 'ops'",
            "The column guestos.owner (varchar(128))",
            "ALTER TABLE guestos RENAME COLUMN owner TO team_owner"
        ),
        (
            "ALTER TABLE envs ADD COLUMN secret longtext DEFAULT 'x'", "The column envs.secret",
            "ALTER TABLE envs RENAME COLUMN secret TO team_secret"
        ),
        (
            "CREATE INDEX guestos_name ON guestos (type)", "The index guestos_name of guestos",
            "DROP INDEX guestos_name ON guestos"
        ),
        (
            "ALTER TABLE guestos ADD COLUMN team varchar(20) NOT NULL",
            "The column guestos.team (varchar(20)) needs a value",
            "ALTER TABLE guestos ALTER team SET DEFAULT ''"
        ),
    ]

    @Test(
        "A table, column or index of the team's that has a name of ours is refused by name",
        arguments: collisions)
    func collision(_ sql: String, _ words: String, _ remedy: String) async throws {
        try await database(old(HistoricDump.byName) + [sql]) { location, database in
            let before = try await tables(database)
            let report = try await SQLStore.inspect(location)
            #expect(report.obstacles.count == 1 && report.obstacles[0].contains(words))
            let told = report.obstacles[0].replacing("SET DEFAULT …", with: "SET DEFAULT ''")
            #expect(told.contains(remedy), "\(told)")
            let error = await #expect(throws: StoreError.self) {
                try await SQLStore.open(location)
            }
            #expect(error?.description.contains(words) == true)
            #expect(try await tables(database) == before, "nothing was changed")

            try await database.execute(remedy)
            #expect(try await SQLStore.inspect(location).obstacles.isEmpty)
            let store = try await SQLStore.open(location)
            try await store.leader().add(Samples.guestOS("new"))
            #expect(try await store.guestOSes(after: nil, limit: 9).count == 4)
            await store.close()
        }
    }

    @Test("A table of this aibuild, of an interrupted migration, is not taken for the team's")
    func interruptedMigration() async throws {
        try await database(old(HistoricDump.byName)) { location, database in
            await (try SQLStore.open(location)).close()
            try await database.execute("DELETE FROM schema_version WHERE version > 1")
            #expect(try await SQLStore.inspect(location).obstacles.isEmpty)
            await (try SQLStore.open(location)).close()
        }
    }

    private static let keys = [
        "ALTER TABLE build_log ADD CONSTRAINT fk1 FOREIGN KEY (os_id) REFERENCES guestos (id)",
        "ALTER TABLE test_log ADD CONSTRAINT fk2 FOREIGN KEY (build_id) REFERENCES build_log (id) "
            + "ON DELETE CASCADE",
        "ALTER TABLE test_log ADD CONSTRAINT fk3 FOREIGN KEY (case_id) REFERENCES testcases (id)",
        "CREATE TABLE \"order\" (n int PRIMARY KEY, os varchar(36) NOT NULL DEFAULT 'g1' "
            + "COMMENT 'it''s ours', CONSTRAINT fk4 FOREIGN KEY (os) REFERENCES guestos (id) "
            + "ON UPDATE CASCADE) CHARACTER SET utf8mb3",
        "INSERT INTO \"order\" VALUES (1, 'G1')",
    ]

    @Test("Foreign keys between old tables, and to the team's, are foretold and kept")
    func foreignKeys() async throws {
        let dump = old(HistoricDump.byID).map { $0.replacing("'gone'", with: "NULL") }
        try await database(dump + Self.keys) { location, database in
            let report = try await SQLStore.inspect(location)
            #expect(report.obstacles.isEmpty)
            for name in ["fk1", "fk2", "fk3", "fk4"] {
                #expect(report.notices.contains { $0.contains("foreign key \(name) of") })
            }
            #expect(report.notices.contains { $0.contains("order.os becomes utf8mb4") })
            let store = try await SQLStore.open(location)
            let rules = try await database.query(
                "SELECT constraint_name AS name, update_rule AS u, delete_rule AS d "
                    + "FROM information_schema.referential_constraints "
                    + "WHERE constraint_schema = DATABASE() AND constraint_name LIKE 'fk%' "
                    + "ORDER BY 1"
            ).map { "\(try $0.text("name")) \(try $0.text("u")) \(try $0.text("d"))" }
            #expect(
                rules == [
                    "fk1 RESTRICT RESTRICT", "fk2 RESTRICT CASCADE", "fk3 RESTRICT RESTRICT",
                    "fk4 CASCADE RESTRICT",
                ])
            #expect(try await tables(database).contains("schema_foreign_keys") == false)
            let order = try await database.query("SELECT * FROM \"order\"").first
            #expect(try order?.text("os") == "g1", "the same row as before")
            // They still hold, and the coordinator lives with them.
            await #expect(throws: SQLError.self) {
                try await database.execute("DELETE FROM guestos WHERE id = 'g1'")
            }
            let leader = try await store.leader()
            _ = try await leader.enqueue(
                NewBuild(
                    id: "new", guestOSID: "g1", guestOS: "ubuntu1604", priority: 0, owner: "o",
                    plan: Samples.plan(), updateContents: "", submittedMilliseconds: 1))
            try await leader.run("new", 1, from: 1_700_000_000_000, to: 1_700_000_060_000)
            let refused = await #expect(throws: StoreError.self) {
                try await leader.removeTestCase(id: "c1")
            }
            #expect(refused?.description.contains("fk3") == true, "\(refused as Any)")
            await store.close()
        }
    }

    @Test("A migration that ends while keys are taken away goes on with all that they link")
    func interruptedKeys() async throws {
        let dump = old(HistoricDump.byID).map { $0.replacing("'gone'", with: "NULL") }
        try await database(dump + Self.keys) { location, database in
            // As it is when the connection ends after the first table was converted.
            try await database.execute(
                "CREATE TABLE schema_foreign_keys (name varchar(64) NOT NULL, "
                    + "child varchar(64) NOT NULL, position integer NOT NULL, "
                    + "child_column varchar(64) NOT NULL, parent varchar(64) NOT NULL, "
                    + "parent_column varchar(64) NOT NULL, rules text NOT NULL, "
                    + "PRIMARY KEY (child, name, position))")
            for statement in [
                "INSERT INTO schema_foreign_keys VALUES "
                    + "('fk1', 'build_log', 0, 'os_id', 'guestos', 'id', ''), "
                    + "('fk4', 'order', 1, 'os', 'guestos', 'id', ' ON UPDATE CASCADE')",
                "ALTER TABLE build_log DROP FOREIGN KEY fk1",
                "ALTER TABLE \"order\" DROP FOREIGN KEY fk4",
                "ALTER TABLE guestos ENGINE=InnoDB, ROW_FORMAT=DYNAMIC, "
                    + "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            ] {
                try await database.execute(statement)
            }
            let notices = try await SQLStore.inspect(location).notices
            #expect(notices.contains { $0.contains("foreign key fk4 of order") })
            await (try SQLStore.open(location)).close()
            let keys = try await database.query(
                "SELECT constraint_name AS name FROM information_schema.referential_constraints "
                    + "WHERE constraint_schema = DATABASE() AND constraint_name LIKE 'fk%' "
                    + "ORDER BY 1")
            #expect(try keys.map { try $0.text("name") } == ["fk1", "fk2", "fk3", "fk4"])
            #expect(try await tables(database).contains("schema_foreign_keys") == false)
        }
    }

    @Test("A type that is none of today's is foretold")
    func types() async throws {
        let changes = ["UPDATE guestos SET type = 'Windows 10' WHERE id = 'g1'"]
        try await database(old(HistoricDump.byName) + changes) { location, _ in
            let notices = try await SQLStore.inspect(location).notices
            #expect(
                notices.contains {
                    $0.hasSuffix(
                        "has the type 'Windows 10', and counts as linux; if it is not: aibuild "
                            + "guestos change NAME --type windows")
                })
        }
    }

    @Test("A column that is too narrow for today's names is foretold and widened")
    func narrowColumns() async throws {
        let narrow = [
            "ALTER TABLE test_log MODIFY image_name varchar(36) NOT NULL DEFAULT 'it''s'"
        ]
        try await database(old(HistoricDump.byName) + narrow) { location, database in
            let notices = try await SQLStore.inspect(location).notices
            #expect(
                notices.contains(
                    "test_log.image_name takes 36 characters, and is widened to 255"))
            let store = try await SQLStore.open(location)
            let widths = try await database.query(
                "SELECT table_name AS t, column_name AS c, character_maximum_length AS n FROM "
                    + "information_schema.columns WHERE table_schema = DATABASE() AND "
                    + "column_name = 'image_name' ORDER BY 1, 2"
            ).map { "\(try $0.text("t")).\(try $0.text("c")) \(try $0.int("n"))" }
            #expect(
                widths == ["build_log.image_name 255", "test_log.image_name 255"])
            #expect(
                try await SQLStore.inspect(location).notices.allSatisfy { !$0.contains("widened") })
            await store.close()
        }
    }

    @Test("Names that differ in case or blanks at the end join as before")
    func collation() async throws {
        let changes = [
            "UPDATE build_log SET os_name = 'UBUNTU1604' WHERE id = 'b1'",
            "INSERT INTO build_log (id, image_name, os_name) VALUES ('b3', 'y', 'Ubuntu1604  ')",
            "UPDATE test_log SET case_name = 'Boot'", "UPDATE release_log SET env_name = 'PROD '",
        ]
        try await database(old(HistoricDump.byName) + changes) { location, database in
            let report =
                "SELECT b.id FROM build_log b JOIN guestos g ON g.name = b.os_name ORDER BY b.id"
            let before = try await database.query(report).map { try $0.text("id") }
            #expect(before == ["b1", "b3"])
            let notices = try await SQLStore.inspect(location).notices
            #expect(notices.contains { $0.hasPrefix("build_log.os_name: 2 rows name a row of") })
            let store = try await SQLStore.open(location)
            #expect(try await database.query(report).map { try $0.text("id") } == before)
            #expect(
                try await store.buildLog(guestOSID: "g1", limit: 9).map(\.id) == ["b1", "b3"])
            let test = try await database.query("SELECT build_id, case_id FROM test_log").first
            #expect(try test?.text("build_id") == "b1" && test?.text("case_id") == "c1")
            let release = try await database.query("SELECT env_id FROM release_log").first
            #expect(try release?.text("env_id") == "e1")
            #expect(try await store.historicName(like: "UBUNTU1604", in: .guestOSes) != nil)
            await store.close()
        }
    }

    @Test("Text that a client encoded twice is foretold and put right", arguments: [true, false])
    func doubleEncoding(isLatin1: Bool) async throws {
        let text = "增加 cloud-init, café"
        let raw = text.utf8.map { String($0, radix: 16) }.map { $0.count < 2 ? "0" + $0 : $0 }
        let change = isLatin1 ? "X'\(raw.joined())'" : "CONVERT(X'\(raw.joined())' USING latin1)"
        let dump = old(HistoricDump.byName, charset: isLatin1 ? "latin1" : "utf8mb3")
            .map { $0.replacing("'更新'", with: "'caf\u{E9}'") }
        let changes = ["UPDATE build_log SET update_contents = \(change) WHERE id = 'b2'"]
        try await database(dump + changes) { location, database in
            let notices = try await SQLStore.inspect(location).notices.filter {
                $0.contains("encoded twice")
            }
            #expect(notices.count == 1 && notices[0].contains("becomes '\(text)'"), "\(notices)")
            await (try SQLStore.open(location)).close()
            let rows = try await database.query("SELECT update_contents AS t FROM build_log")
            #expect(Set(try rows.map { try $0.text("t") }) == ["café", text])
        }
    }

    @Test("A migration that waits for a lock says for what, and who has it")
    func waitsForALock() async throws {
        try await database(old(HistoricDump.byName)) { location, _ in
            let holder = try await SQLDatabase.open(location)
            let said = Notes<String>()
            let holding = Notes<Bool>()
            let released = DispatchSemaphore(value: 0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await holder.transaction { transaction in
                        _ = try transaction.query("SELECT id FROM guestos")
                        holding.add(true)
                        // More often than the server ends an idle transaction.
                        while released.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
                            _ = try transaction.query("SELECT 1 AS one")
                        }
                    }
                }
                group.addTask {
                    try await eventually("the table is in use") { !holding.all.isEmpty }
                    let store = try await SQLStore.open(location) { text in
                        said.add(text)
                    }
                    await store.close()
                }
                group.addTask {
                    defer { released.signal() }
                    try await eventually("the wait is reported") {
                        said.all.contains { $0.contains("ALTER TABLE guestos") }
                    }
                }
                try await group.waitForAll()
            }
            await holder.close()
            let text = said.all.joined(separator: "\n")
            #expect(text.contains("Waiting for a lock (Waiting for table metadata lock)"))
            #expect(text.contains("(aibuild from "), "\(text)")
        }
    }

    @Test("An account that lacks rights is refused before anything is changed")
    func missingRights() async throws {
        let server = try await MariaDBServer.shared()
        let endpoint = try await server.makeDatabase()
        let user = "u\(UInt32.random(in: .min ... .max))"
        _ = try await server.asRoot("CREATE USER '\(user)'@'%' IDENTIFIED BY 'pw'")
        _ = try await server.asRoot(
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON \(endpoint.database).* "
                + "TO '\(user)'@'%'")
        let location = SQLLocation.mariadb(
            MariaDBEndpoint(
                port: server.port, user: user, password: "pw", database: endpoint.database))
        let grant = "GRANT ALTER, INDEX, DROP, REFERENCES ON \(endpoint.database).*"
        let obstacles = try await SQLStore.inspect(location).obstacles
        #expect(obstacles.count == 1 && obstacles[0].contains(grant), "\(obstacles)")
        let error = await #expect(throws: StoreError.self) { try await SQLStore.open(location) }
        #expect(error?.description.contains(grant) == true, "\(error as Any)")
        let made = try await server.asRoot(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?",
            [.text(endpoint.database)])
        #expect(made.isEmpty)
        _ = try await server.asRoot("DROP USER '\(user)'@'%'")
    }

    /// Its first setting, `SET NAMES … nopad_bin`, would be refused in words of its own.
    @Test("A server that is too old, or MySQL, is refused by name, and nothing is changed in it")
    func unsupportedServer() async throws {
        let server = try await MariaDBServer.start()
        let endpoint = try await server.makeDatabase()
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        for statement in old(HistoricDump.byName) { try await database.execute(statement) }
        let before = try await tables(database)
        await database.close()
        for (version, words) in [
            ("10.1.48-MariaDB", "MariaDB 10.1.48-MariaDB at 127.0.0.1:\(server.port) is too old"),
            ("8.0.36", "The server at 127.0.0.1:\(server.port) is MySQL 8.0.36"),
        ] {
            try await server.restart(asVersion: version)
            let refused = await #expect(throws: SQLError.self) {
                try await SQLDatabase.open(.mariadb(endpoint))
            }
            #expect(refused?.code == .unsupported && refused?.isPermanent == true)
            #expect(refused?.description.contains(words) == true, "\(refused as Any)")
            for attempt in [
                { _ = try await SQLStore.open(.mariadb(endpoint)) },
                { _ = try await SQLStore.inspect(.mariadb(endpoint)) },
            ] {
                let error = await #expect(throws: StoreError.self) { try await attempt() }
                #expect(error?.description.contains(words) == true, "\(error as Any)")
            }
        }
        try await server.restart(asVersion: nil)
        let again = try await SQLDatabase.open(.mariadb(endpoint))
        #expect(try await tables(again) == before)
        await again.close()
    }

    @Test("A suffix that makes two names different is not another row's name")
    func doubledNames() async throws {
        let rows =
            "INSERT INTO guestos (id, name) VALUES ('a1', 'twin'), ('b2', 'twin'), "
            + "('c3', 'twin-b2')"
        try await database(old(HistoricDump.byName) + [rows]) { location, _ in
            let store = try await SQLStore.open(location)
            let names = try await store.guestOSes(after: nil, limit: 20).map(\.name)
            #expect(Set(names).isSuperset(of: ["twin", "twin-b2"]) && names.count == 6)
            await store.close()
        }
    }
}
