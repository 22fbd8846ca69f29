import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// The real coordinator is killed while it upgrades the original AIBuild's SQLite database.
@Suite struct MigrationKillTests {
    private static let old = [
        "CREATE TABLE guestos (id VARCHAR(36) NOT NULL PRIMARY KEY, name VARCHAR(255), "
            + "base_iso VARCHAR(255), type VARCHAR(36), distro VARCHAR(36), version VARCHAR(36))",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
            + "INSERT INTO guestos (id, name, type) SELECT 'g' || i, 'os' || (i / 2), 'linux' "
            + "FROM n",
    ]

    @Test("A migration killed at any point is completed by the next start")
    func killedMigrationIsCompleted() async throws {
        try await withFarm(.init { $0.startsCoordinator = false }) { farm in
            let path = farm.stateFolder + "/aibuild.sqlite"
            var wasCut = 0
            for step in 0..<12 {
                try? Files.remove(farm.stateFolder)
                try Files.makeFolder(farm.stateFolder)
                try Files.replace("\(farm.folder)/coordinator.log", with: [])
                let database = try await SQLDatabase.open(.sqlite(path: path))
                for sql in Self.old { try await database.execute(sql) }
                await database.close()
                try farm.writeConfiguration(port: try LoopbackPort.free())
                let program = try FarmProgram(
                    "aibuild-coordinator", ["--config", farm.configPath],
                    logPath: "\(farm.folder)/coordinator.log")
                // A number of bytes written instead of a time, so that each round stops it at
                // another point.
                try await eventually("it has written", everyMilliseconds: 0) {
                    program.status != nil || program.log.contains("serving ")
                        || Self.written(program.pid) >= step * 8_192
                }
                program.kill()
                if try await !isDone(path) { wasCut += 1 }
                try await farm.startCoordinator()
                try await farm.stopCoordinator()
                #expect(try await isDone(path))
                let after = try await SQLDatabase.open(.sqlite(path: path))
                let names = try await after.query("SELECT DISTINCT name FROM guestos")
                #expect(names.count == 500, "every row, and each name once")
                #expect(try await after.query("PRAGMA integrity_check").count == 1)
                await after.close()
            }
            #expect(wasCut > 0, "no migration was met")
        }
    }

    private func isDone(_ path: String) async throws -> Bool {
        let database = try await SQLDatabase.open(.sqlite(path: path))
        let tables = try await database.query(
            "SELECT name FROM sqlite_master WHERE name = 'schema_version'")
        let steps =
            tables.isEmpty
            ? 0 : try await database.query("SELECT version FROM schema_version").count
        await database.close()
        return steps > 1
    }

    private static func written(_ pid: Int32) -> Int {
        let bytes = (try? Files.read("/proc/\(pid)/io", limitBytes: 4096)) ?? []
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("wchar:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
