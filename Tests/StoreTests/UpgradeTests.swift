import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import TestSupport
import Testing

/// Databases of the original AIBuild, in both variants in the field, upgraded in place.
@Suite(.timeLimit(.minutes(3))) struct UpgradeTests {
    /// All rows exist after the upgrade, and the ids are filled in.
    @Test("A database of the original code is upgraded in place", arguments: StoreKind.databases)
    func variantByName(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let old = try await SQLDatabase.open(location)
            let suffix =
                old.dialect == .mariadb
                ? " ENGINE=InnoDB ROW_FORMAT=COMPACT CHARACTER SET utf8mb3" : ""
            for sql in HistoricDump.byName {
                try await old.execute(sql + (sql.hasPrefix("CREATE") ? suffix : ""))
            }
            await old.close()

            let store = try await SQLStore.open(location)
            let leader = try await store.leader()
            let names = try await store.guestOSes(after: nil, limit: 9).map(\.name)
            #expect(names == ["ubuntu1604", "win10", "win10-g2"])
            let ubuntu = try #require(try await store.guestOS(named: "ubuntu1604"))
            #expect(ubuntu.id == "g1" && ubuntu.version == "16.04" && ubuntu.type == .linux)
            #expect(try await store.guestOS(named: "win10")?.id == "12345678-abcd")
            let log = try await store.buildLog(guestOSID: "g1", limit: 9)
            #expect(
                log == [
                    BuildLogEntry(
                        id: "b1", imageName: "ubuntu1604x86_64_20181128_1.qcow2",
                        guestOSID: "g1", guestOSName: "ubuntu1604",
                        builtMilliseconds: 1_543_395_900_000,
                        updateContents: "更新", getURL: "http://old/1")
                ])
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).map(\.id) == ["b1", "b2"])
            // The result is a working store.
            var changed = ubuntu
            changed.template = .folder(path: "/srv/tpl")
            try await leader.update(changed)
            _ = try await leader.enqueue(
                NewBuild(
                    id: "new", guestOSID: "g1", guestOS: "ubuntu1604", priority: 0, owner: "o",
                    plan: Samples.plan(), updateContents: "", submittedMilliseconds: 1))
            try await leader.run("new", 1, from: 1_700_000_000_000, to: 1_700_000_060_000)
            #expect(
                try await store.buildLog(guestOSID: "g1", limit: 9).map(\.id) == ["new", "b1"])
            await store.close()

            let database = try await SQLDatabase.open(location)
            let test = try await database.query("SELECT * FROM test_log").first
            #expect(try test?.text("build_id") == "b1")
            #expect(try test?.text("case_id") == "c1")
            #expect(try test?.text("case_name") == "boot", "no column is lost")
            let release = try await database.query("SELECT * FROM release_log").first
            #expect(try release?.text("env_id") == "e1")
            #expect(try release?.text("env_name") == "prod")
            #expect(try await database.query("SELECT id FROM guestos").count == 4)
            let build = try await database.query("SELECT * FROM build_log WHERE id = 'b2'").first
            #expect(try build?.text("os_name") == "unknown")
            #expect(try build?.textOrNil("os_id") == nil)
            await database.close()
        }
    }

    /// The variant of the README, with rows that only a lenient server accepted.
    @Test("A database of the original README is upgraded in place")
    func variantByID() async throws {
        try await StoreKind.mariadb.withLocation { location in
            let old = try await SQLDatabase.open(location)
            try await old.transaction { transaction in
                try transaction.execute("SET SESSION sql_mode = ''")
                for sql in [
                    "CREATE TABLE guestos (id varchar(36) NOT NULL, name varchar(255), "
                        + "base_iso varchar(255), type varchar(36), distro varchar(36), "
                        + "version varchar(36), PRIMARY KEY (id)) ENGINE=MyISAM CHARSET=utf8mb3",
                    "CREATE TABLE build_log (id varchar(36) NOT NULL, image_name varchar(255), "
                        + "os_id varchar(36), build_at datetime, update_contents text, "
                        + "get_url varchar(255), PRIMARY KEY (id)) CHARSET=latin1",
                    "INSERT INTO guestos VALUES ('g1', 'Ubuntu1604', '', 'linux', '', '')",
                    "INSERT INTO build_log VALUES ('b1', 'i', 'g1', '0000-00-00', 'é', NULL)",
                ] { try transaction.execute(sql) }
            }
            await old.close()
            let store = try await SQLStore.open(location)
            #expect(try await store.guestOS(named: "Ubuntu1604")?.id == "g1")
            #expect(try await store.guestOS(named: "ubuntu1604") == nil)
            let entry = try await store.buildLog(guestOSID: "g1", limit: 9).first
            #expect(entry != nil && entry?.builtMilliseconds == nil && entry?.getURL == nil)
            #expect(entry?.updateContents == "é")
            await store.close()
        }
    }

    /// An interrupted migration is resumed: MariaDB keeps the tables that it had created.
    @Test("An interrupted migration is completed by the next start", arguments: StoreKind.databases)
    func interruptedMigration(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let first = try await SQLStore.open(location)
            try await first.leader().add(Samples.guestOS("ubuntu1604"))
            await first.close()
            let database = try await SQLDatabase.open(location)
            try await database.execute("DELETE FROM schema_version")
            try await database.execute("DROP TABLE artifacts")
            await database.close()
            let second = try await SQLStore.open(location)
            #expect(try await second.guestOS(named: "ubuntu1604") == Samples.guestOS("ubuntu1604"))
            #expect(try await second.artifacts(of: Samples.token(1)).isEmpty)
            await second.close()
        }
    }
}
