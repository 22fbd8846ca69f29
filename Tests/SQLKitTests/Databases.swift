import SQLKit
import TestSupport
import Testing

/// The two databases that every test of common behaviour runs on.
enum Database: CaseIterable, CustomTestStringConvertible {
    case sqlite, mariadb

    var testDescription: String { "\(self)" }

    /// Runs `body` on a fresh, empty database.
    func with(_ body: (SQLDatabase) async throws -> Void) async throws {
        switch self {
        case .sqlite:
            let folder = try TemporaryFolder()
            let database = try await SQLDatabase.open(.sqlite(path: folder.path + "/a.db"))
            try await body(database)
            await database.close()
        case .mariadb:
            let server = try await MariaDBServer.shared()
            let database = try await SQLDatabase.open(.mariadb(server.makeDatabase()))
            try await body(database)
            await database.close()
        }
    }
}
