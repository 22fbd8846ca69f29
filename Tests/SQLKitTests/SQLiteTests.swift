import Glibc
import SQLKit
import Support
import Synchronization
import TestSupport
import Testing

@Suite struct SQLiteTests {
    @Test("SQLite is opened with durable settings")
    func durableSettings() async throws {
        try await Database.sqlite.with { database in
            let settings: [(String, SQLValue)] = [
                ("journal_mode", .text("wal")), ("synchronous", .int(2)), ("foreign_keys", .int(1)),
            ]
            for (name, value) in settings {
                let rows = try await database.query("PRAGMA \(name)")
                #expect(rows.first?.values == [value], "\(name)")
            }
        }
    }

    @Test("A file that is in use is refused until it is closed")
    func exclusiveLock() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.db"
        let first = try await SQLDatabase.open(.sqlite(path: path))
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.sqlite(path: path))
        }
        #expect(error?.code == .inUse)
        #expect(
            error?.description
                == "the database \(path) is in use by another program (process \(getpid())): "
                + "stop that one, or give this one a database of its own")
        await first.close()
        let second = try await SQLDatabase.open(.sqlite(path: path))
        await second.close()
    }

    @Test("The file is readable by its owner only")
    func filePermissions() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.db"
        let database = try await SQLDatabase.open(.sqlite(path: path))
        try await database.execute("CREATE TABLE v (id INTEGER)")
        for name in try Files.list(folder.path) {
            var info = stat()
            #expect(stat(folder.path + "/" + name, &info) == 0)
            #expect(info.st_mode & 0o077 == 0, "\(name)")
        }
        await database.close()
    }

    @Test("The error for a corrupt file names it")
    func corruptFile() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.db"
        try Files.replace(path, with: Array(repeating: UInt8(ascii: "x"), count: 8192))
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.sqlite(path: path))
        }
        #expect(error?.code == .corrupt)
        #expect(error?.description.contains(path) == true)
    }

    @Test("The error for a missing folder names it")
    func missingFolder() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/no/such/a.db"
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.sqlite(path: path))
        }
        #expect(error?.description.contains(path) == true)
        #expect(error?.description.contains("folder") == true)
    }

    @Test("Names that are special to SQLite are plain files")
    func specialNames() async throws {
        await #expect(throws: SQLError.self) { try await SQLDatabase.open(.sqlite(path: "")) }
        await #expect(throws: SQLError.self) { try await SQLDatabase.open(.sqlite(path: "a\0b")) }
        let folder = try TemporaryFolder()
        let database = try await SQLDatabase.open(.sqlite(path: folder.path + "/:memory:"))
        await database.close()
        #expect(Files.exists(folder.path + "/:memory:"))
    }

    /// A committed change is there when the database is opened again.
    @Test("A commit survives reopening")
    func commitIsDurable() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.db"
        let first = try await SQLDatabase.open(.sqlite(path: path))
        try await first.execute("CREATE TABLE v (t TEXT)")
        try await first.execute("INSERT INTO v VALUES (?)", [.text("kept")])
        await first.close()
        let second = try await SQLDatabase.open(.sqlite(path: path))
        #expect(try await second.query("SELECT t FROM v").first?.text("t") == "kept")
        await second.close()
    }

    @Test("A slow SELECT holds up neither a quick one nor a write")
    func slowSelect() async throws {
        try await Database.sqlite.with { database in
            try await database.execute("CREATE TABLE v (n INTEGER)")
            let isDone = Mutex(false)
            let slow = Task {
                let rows = try await database.query(
                    "SELECT COUNT(*) AS n FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
                        + "SELECT x + 1 FROM c LIMIT 10000000) SELECT x FROM c)")
                isDone.withLock { $0 = true }
                return try rows.first?.int("n")
            }
            for number in 1...20 {
                try await database.execute("INSERT INTO v VALUES (?)", [.int(number)])
                let rows = try await database.query("SELECT COUNT(*) AS n FROM v")
                #expect(try rows.first?.int("n") == number, "a reader sees what was committed")
            }
            let wasDone = isDone.withLock(\.self)
            #expect(!wasDone)
            #expect(try await slow.value == 10_000_000)
        }
    }
}
