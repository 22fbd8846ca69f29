import Glibc
import SQLKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3))) struct TransactionTests {
    struct Stop: Error {}
    final class Runs: Sendable { let count = Atomic<Int>(0) }

    @Test("A transaction takes effect as a whole or not at all", arguments: Database.allCases)
    func atomicity(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY)")
            await #expect(throws: Stop.self) {
                try await database.transaction { transaction in
                    try transaction.execute("INSERT INTO v VALUES (1)")
                    throw Stop()
                }
            }
            #expect(try await database.query("SELECT * FROM v").isEmpty)
            let count = try await database.transaction { transaction in
                try transaction.execute("INSERT INTO v VALUES (1)")
                try transaction.execute("INSERT INTO v VALUES (2)")
                return try transaction.query("SELECT * FROM v").count
            }
            #expect(count == 2)
            #expect(try await database.query("SELECT * FROM v").count == 2)
        }
    }

    @Test("A transaction may catch a duplicate and go on", arguments: Database.allCases)
    func caughtDuplicate(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY)")
            try await database.transaction { transaction in
                for id in [1, 1, 2] {
                    do throws(SQLError) {
                        try transaction.execute("INSERT INTO v VALUES (?)", [.int(id)])
                    } catch {
                        #expect(error.code == .constraintUnique)
                    }
                }
            }
            #expect(try await database.query("SELECT * FROM v").count == 2)
        }
    }

    /// If a body catches an error and continues, its first half must not be committed.
    @Test("A swallowed failure still rolls back", arguments: Database.allCases)
    func swallowedFailure(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY)")
            let error = await #expect(throws: SQLError.self) {
                try await database.transaction { transaction in
                    try transaction.execute("INSERT INTO v VALUES (1)")
                    _ = try? transaction.query("SELECT * FROM nowhere")
                    _ = try? transaction.execute("INSERT INTO v VALUES (2)")
                }
            }
            #expect(error?.code == .statement)
            #expect(try await database.query("SELECT * FROM v").isEmpty)
        }
    }

    /// Compare-and-set from many tasks at once: each number is assigned once.
    @Test("Concurrent claims never take the same row", arguments: Database.allCases)
    func concurrentClaims(_ kind: Database) async throws {
        try await kind.with { database in
            try await database.execute(
                "CREATE TABLE q (id INTEGER PRIMARY KEY, owner INTEGER)")
            for id in 0..<40 {
                try await database.execute("INSERT INTO q VALUES (?, NULL)", [.int(id)])
            }
            let claimed = try await withThrowingTaskGroup(of: [Int].self) { group in
                for worker in 0..<16 {
                    group.addTask {
                        var mine: [Int] = []
                        for id in 0..<40 {
                            let count = try await database.transaction { transaction in
                                try transaction.execute(
                                    "UPDATE q SET owner = ? WHERE id = ? AND owner IS NULL",
                                    [.int(worker), .int(id)])
                            }
                            if count == 1 { mine.append(id) }
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.sorted() == Array(0..<40))
        }
    }

    /// Two transactions lock two rows in opposite order and each waits for the other: MariaDB
    /// aborts one of them, which is run again.
    @Test("A deadlock is run again")
    func deadlock() async throws {
        try await Database.mariadb.with { database in
            try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, n INTEGER)")
            try await database.execute("INSERT INTO v VALUES (1, 0), (2, 0)")
            let runs = Runs()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await database.transaction { transaction in
                            let add = "UPDATE v SET n = n + 1 WHERE id = ?"
                            try transaction.execute(add, [.int(order[0])])
                            runs.count.add(1, ordering: .relaxed)
                            // Both first runs hold their first row before either continues. This is
                            // the connection's own thread.
                            while runs.count.load(ordering: .relaxed) < 2 { sched_yield() }
                            try transaction.execute(add, [.int(order[1])])
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query("SELECT n FROM v")
            #expect(try rows.map { try $0.int("n") } == [2, 2])
            #expect(runs.count.load(ordering: .relaxed) > 2, "no deadlock came about")
        }
    }

    @Test("A transaction reads what others have committed meanwhile")
    func readCommitted() async throws {
        try await Database.mariadb.with { database in
            let rows = try await database.query("SELECT @@tx_isolation AS i, @@sql_mode AS m")
            #expect(try rows.first?.text("i") == "READ-COMMITTED")
            #expect(try rows.first?.text("m").contains("STRICT_ALL_TABLES") == true)
        }
    }
}
