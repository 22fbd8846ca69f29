import SQLKit
import Testing

/// The common behaviour of SQLite and MariaDB.
@Suite(.timeLimit(.minutes(3))) struct CommonTests {
    @Test("Values are read as they were written", arguments: Database.allCases)
    func valueRoundTrip(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute(
                "CREATE TABLE v (id INTEGER PRIMARY KEY, n BIGINT, d DOUBLE, t TEXT, b BLOB)")
            let texts = [
                "", "ubuntu1604", "日本語 🐧", "it's \"quoted\" \\ and \\n",
                String(repeating: "ä", count: 9000),
            ]
            let blobs: [[UInt8]] = [
                [], [0, 1, 255, 0], Array(repeating: 0xA5, count: 20_000), [0xFF], [1],
            ]
            let ints: [Int64] = [.min, -1, 0, 1, .max]
            for index in 0..<5 {
                let count = try await database.execute(
                    "INSERT INTO v VALUES (?, ?, ?, ?, ?)",
                    [
                        .int(index), .int(ints[index]), .double(Double(index) / 4),
                        .text(texts[index]), .blob(blobs[index]),
                    ])
                #expect(count == 1)
            }
            let rows = try await database.query("SELECT * FROM v ORDER BY id")
            #expect(rows.count == 5)
            for (index, row) in rows.enumerated() {
                #expect(try row.int64("n") == ints[index])
                #expect(try row.double("d") == Double(index) / 4)
                #expect(try row.text("t") == texts[index])
                #expect(try row.blob("b") == blobs[index])
            }
        }
    }

    @Test("NULL is read as nil, and never as a value", arguments: Database.allCases)
    func nulls(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (n BIGINT, t VARCHAR(10))")
            try await database.execute("INSERT INTO v VALUES (?, ?)", [.null, .text(orNull: nil)])
            let row = try #require(try await database.query("SELECT * FROM v").first)
            #expect(try row.int64OrNil("n") == nil)
            #expect(try row.textOrNil("t") == nil)
            let error = #expect(throws: SQLError.self) { try row.text("t") }
            #expect(error?.code == .unexpectedValue)
            #expect(error?.description == "column 't': expected a text, found NULL")
            #expect(throws: SQLError.self) { try row.text("other") }
        }
    }

    @Test("Sums and counts are integers", arguments: Database.allCases)
    func sums(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (n BIGINT)")
            for number in 1...3 {
                try await database.execute("INSERT INTO v VALUES (?)", [.int(number)])
            }
            let row = try #require(
                try await database.query(
                    "SELECT SUM(n) AS total, COUNT(*) AS c, MAX(n) AS m, COALESCE(MAX(n), 0) + 1 "
                        + "AS next FROM v"
                ).first)
            #expect(try row.int("total") == 6)
            #expect(try row.int("c") == 3)
            #expect(try row.int("m") == 3)
            #expect(try row.int("next") == 4)
        }
    }

    @Test("An UPDATE counts the rows that it found", arguments: Database.allCases)
    func updateCounts(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, s VARCHAR(9))")
            try await database.execute("INSERT INTO v VALUES (1, 'a'), (2, 'a'), (3, 'b')")
            let same = try await database.execute("UPDATE v SET s = 'a' WHERE s = ?", [.text("a")])
            #expect(same == 2, "unchanged rows count too")
            let none = try await database.execute("UPDATE v SET s = 'c' WHERE id = ?", [.int(9)])
            #expect(none == 0)
            #expect(try await database.execute("CREATE TABLE w (id INTEGER)") == 0)
            #expect(try await database.execute("DELETE FROM v WHERE id > ?", [.int(1)]) == 2)
        }
    }

    /// Collation: `A` is not `a`, `ä` is not `a`, `a` is not `a ` – as SQLite compares.
    @Test("Texts are compared byte for byte", arguments: Database.allCases)
    func textComparison(_ kind: Database) async throws {
        try await kind.with { database in
            let suffix =
                database.dialect == .mariadb
                ? " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin" : ""
            try await database.execute(
                "CREATE TABLE v (t VARCHAR(20) NOT NULL PRIMARY KEY)" + suffix)
            for text in ["a", "A", "ä", "a ", "a\\"] {
                try await database.execute("INSERT INTO v VALUES (?)", [.text(text)])
            }
            let rows = try await database.query("SELECT t FROM v WHERE t = 'a\\'")
            #expect(try rows.map { try $0.text("t") } == ["a\\"])
            let joined = try await database.query("SELECT 'x' || 'y' AS j")
            #expect(try joined.first?.text("j") == "xy")
        }
    }

    @Test("Errors are classified", arguments: Database.allCases)
    func errorClasses(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute(
                "CREATE TABLE p (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(9) NOT NULL, "
                    + "UNIQUE (name))")
            try await database.execute(
                "CREATE TABLE c (p INTEGER NOT NULL, FOREIGN KEY (p) REFERENCES p (id))")
            try await database.execute("INSERT INTO p VALUES (1, 'one')")
            let cases: [(String, [SQLValue], SQLErrorCode)] = [
                ("INSERT INTO p VALUES (1, 'two')", [], .constraintUnique),
                ("INSERT INTO p VALUES (2, 'one')", [], .constraintUnique),
                ("INSERT INTO p VALUES (2, NULL)", [], .constraint),
                ("INSERT INTO c VALUES (7)", [], .constraint),
                ("DELETE FORM p", [], .statement),
                ("SELECT * FROM nowhere", [], .statement),
                ("SELECT nothing FROM p", [], .statement),
                ("SELECT ? AS x", [], .misuse),
                ("SELECT 1 AS x", [.int(1)], .misuse),
            ]
            for (sql, values, code) in cases {
                let error = await #expect(throws: SQLError.self) {
                    try await database.query(sql, values)
                }
                #expect(error?.code == code, "\(sql): \(String(describing: error))")
                #expect(error?.isPermanent == true)
            }
            // Two statements in one text are never executed.
            await #expect(throws: SQLError.self) {
                try await database.query("SELECT 1 AS x; DELETE FROM p")
            }
            #expect(try await database.query("SELECT * FROM p").count == 1)
        }
    }

    @Test("The statement cache is bounded", arguments: Database.allCases)
    func statementCache(_ kind: Database) async throws {
        try await kind.with { database in
            for number in 0..<300 {
                let rows = try await database.query("SELECT \(number) AS n")
                #expect(try rows.first?.int("n") == number)
            }
            guard database.dialect == .mariadb else { return }
            let row = try await database.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")
            let count = try #require(try row.first.flatMap { Int(try $0.text("Value")) })
            #expect(count < 300 * 3)
        }
    }

    /// Another coordinator may upgrade the tables under a running one.
    @Test("A cached statement survives a change of its table", arguments: Database.allCases)
    func cachedStatement(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (a INTEGER)")
            try await database.execute("INSERT INTO v (a) VALUES (?)", [.int(1)])
            #expect(try await database.query("SELECT a FROM v").first?.values == [.int(1)])
            #expect(try await database.query("SELECT * FROM v").first?.values == [.int(1)])
            try await database.execute("ALTER TABLE v ADD COLUMN b VARCHAR(9) DEFAULT 'x'")
            try await database.execute("INSERT INTO v (a) VALUES (?)", [.int(2)])
            #expect(try await database.query("SELECT a FROM v").count == 2)
            // libmariadb rejects a result whose width has changed; the next call works.
            _ = try? await database.query("SELECT * FROM v")
            let row = try #require(try await database.query("SELECT * FROM v").first)
            #expect(row.values == [.int(1), .text("x")])
        }
    }

    @Test("A closed database refuses statements", arguments: Database.allCases)
    func closedDatabase(_ kind: Database) async throws {
        try await kind.with { database in
            await database.close()
            let error = await #expect(throws: SQLError.self) {
                try await database.query("SELECT 1 AS x")
            }
            #expect(error?.code == .misuse)
        }
    }
}
