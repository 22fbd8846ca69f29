import SQLKit
import Support
import TestSupport
import Testing

/// Copies of a SQLite file in use.
@Suite struct SnapshotTests {
    @Test("A copy has all of each transaction, or nothing, and needs no other file")
    func copyDuringWrites() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/live.sqlite"
        let live = try await SQLDatabase.open(.sqlite(path: path))
        for table in ["a", "b"] { try await live.execute("CREATE TABLE \(table) (text TEXT)") }
        let filler = String(repeating: "x", count: 10_000)
        @Sendable func write() async throws {
            try await live.transaction { transaction in
                for table in ["a", "b"] {
                    try transaction.execute("INSERT INTO \(table) VALUES (?)", [.text(filler)])
                }
            }
        }
        for _ in 0..<200 { try await write() }
        let writer = Task { while !Task.isCancelled { try await write() } }
        var last = 0
        for copy in 0..<10 {
            let target = "\(folder.path)/copies/\(copy).sqlite"
            try Files.makeFolder(folder.path + "/copies")
            try await OwnThread.run { try SQLiteSnapshot.copy(path, to: target) }
            #expect(try Files.list(folder.path + "/copies").count == copy + 1)
            let reader = try await SQLDatabase.openForReading(.sqlite(path: target))
            let row = try await reader.query(
                "SELECT (SELECT COUNT(*) FROM a) AS a, (SELECT COUNT(*) FROM b) AS b"
            ).first
            await reader.close()
            let (a, b) = (try row?.int("a") ?? 0, try row?.int("b") ?? -1)
            #expect(a == b && a >= max(200, last))
            last = a
        }
        writer.cancel()
        _ = try? await writer.value
        #expect(last > 200, "it was written to meanwhile")
        await live.close()
    }

    @Test("A damaged database is not copied")
    func damagedDatabase() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/live.sqlite"
        let live = try await SQLDatabase.open(.sqlite(path: path))
        try await live.execute("CREATE TABLE a (text TEXT)")
        for number in 0..<500 {
            try await live.execute(
                "INSERT INTO a VALUES (?)", [.text(String(repeating: "\(number)", count: 500))])
        }
        await live.close()
        var bytes = try Files.read(path, limitBytes: 16 << 20)
        for index in 8192..<9000 { bytes[index] = 0xFF }
        try Files.replace(path, with: bytes)
        let error = await #expect(throws: SQLError.self) {
            try await OwnThread.run { try SQLiteSnapshot.copy(path, to: folder.path + "/copy") }
        }
        #expect(error?.code == .corrupt)
    }
}
