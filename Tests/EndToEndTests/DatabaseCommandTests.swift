import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// `aibuild db migrate` over real databases of the original AIBuild, in both variants.
@Suite struct DatabaseCommandTests {
    private func run(_ folder: String, _ options: String...) async throws -> (
        ProcessKit.ExitStatus, String
    ) {
        let log = "\(folder)/migrate.log"
        try Files.replace(log, with: [])
        let program = try FarmProgram(
            "aibuild", ["db", "migrate", "--config", "\(folder)/coordinator.yml"] + options,
            logPath: log)
        return (try await program.exit(), program.log)
    }

    /// Every column of every table, in the order of the ids.
    private func dump(_ database: SQLDatabase) async throws -> [String: [[String?]]] {
        let questions = [
            "guestos": ["id", "name", "base_iso", "type", "distro", "version"],
            "build_log": ["id", "image_name", "build_at", "update_contents", "get_url"],
            "testcases": ["id", "name", "os_type"], "test_log": ["id", "result", "test_at"],
            "envs": ["id", "name", "auth_url", "project_name", "username", "region"],
            "release_log": ["id", "glance_id", "release_at"],
        ]
        var tables: [String: [[String?]]] = [:]
        for (table, columns) in questions {
            let rows = try await database.query(
                "SELECT \(columns.joined(separator: ", ")) FROM \(table) ORDER BY id")
            tables[table] = try rows.map { row in try columns.map { try row.textOrNil($0) } }
        }
        return tables
    }

    @Test(
        "A database of the original AIBuild is migrated in place without losing a row",
        arguments: [true, false])
    func originalDatabaseIsMigrated(byName: Bool) async throws {
        let folder = try TemporaryFolder()
        let endpoint = try await MariaDBServer.shared().makeDatabase()
        let old = try await SQLDatabase.open(.mariadb(endpoint))
        for sql in byName ? HistoricDump.byName : HistoricDump.byID {
            let isTable = sql.hasPrefix("CREATE")
            try await old.execute(sql + (isTable ? " ENGINE=MyISAM CHARSET=utf8mb3" : ""))
        }
        let before = try await dump(old)
        try Files.replace(
            folder.path + "/password", with: Array(MariaDBServer.password.utf8), mode: 0o600)
        let configuration = """
            state_folder: \(folder.path)/state
            web_root: \(folder.path)/www
            database:
              engine: mariadb
              host: \(endpoint.host)
              port: \(endpoint.port)
              user: \(endpoint.user)
              database: \(endpoint.database)
              password_file: \(folder.path)/password

            """
        try Files.replace(folder.path + "/coordinator.yml", with: Array(configuration.utf8))

        let (dry, words) = try await run(folder.path, "--dry-run")
        #expect(dry == .exited(0), "\(words)")
        #expect(words.contains(byName ? "columns of its code" : "columns of its README"))
        #expect(
            words.contains("passwords in clear text: 1") && words.contains("Nothing was changed"))
        #expect(words.contains("guestos 'win10' stands there more than once") == byName)
        #expect(try await dump(old) == before)

        let (done, told) = try await run(folder.path)
        #expect(done == .exited(0), "\(told)")
        #expect(told.contains("Done: schema"))
        let after = try await dump(old)
        for (table, rows) in before where table != "guestos" { #expect(after[table] == rows) }
        // One of two guest OSes of the same name was renamed; nothing else changed.
        let renamed = zip(before["guestos"] ?? [], after["guestos"] ?? []).filter { $0 != $1 }
        #expect(renamed.count == (byName ? 1 : 0) && renamed.allSatisfy { $0.0[1] == "win10" })
        #expect(after["guestos"]?.count == before["guestos"]?.count)
        for row in try await old.query("SELECT password, secret FROM envs") {
            #expect(try row.text("password") == "" && row.text("secret").hasPrefix("aes256gcm:"))
        }
        for question in [
            "SELECT id FROM build_log WHERE os_id = 'g1' AND os_name = 'ubuntu1604'",
            "SELECT id FROM test_log WHERE build_id = 'b1' AND case_id = 'c1' "
                + "AND image_name = 'ubuntu1604x86_64_20181128_1.qcow2' AND case_name = 'boot'",
            "SELECT id FROM release_log WHERE env_id = 'e1' AND env_name = 'prod'",
        ] {
            #expect(try await old.query(question).count == 1, "\(question)")
        }
        await old.close()
        let (again, quiet) = try await run(folder.path)
        #expect(again == .exited(0) && quiet.contains("nothing is to be done"), "\(quiet)")
    }

    @Test("A password file with Windows line ends holds the same password")
    func passwordFileWithCRLF() async throws {
        let folder = try TemporaryFolder()
        let endpoint = try await MariaDBServer.shared().makeDatabase()
        try Files.replace(
            folder.path + "/password", with: Array("\(MariaDBServer.password)\r\n".utf8))
        let configuration = """
            state_folder: \(folder.path)/state
            web_root: \(folder.path)/www
            database: {engine: mariadb, port: \(endpoint.port), user: \(endpoint.user),
              database: \(endpoint.database), password_file: \(folder.path)/password}

            """
        try Files.replace(folder.path + "/coordinator.yml", with: Array(configuration.utf8))
        let (done, words) = try await run(folder.path)
        #expect(done == .exited(0) && words.contains("Done: schema"), "\(words)")
    }
}
