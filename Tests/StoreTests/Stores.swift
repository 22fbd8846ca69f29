import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// The stores that pass the same suite.
enum StoreKind: CaseIterable, CustomTestStringConvertible {
    case memory, sqlite, mariadb

    static let databases: [StoreKind] = [.sqlite, .mariadb]

    var testDescription: String { "\(self)" }

    /// Runs `body` on a fresh, empty store and its leader.
    func with(
        _ body: (any Store & LeaseStore, any LeaderStore) async throws -> Void
    ) async throws {
        guard self != .memory else {
            let store = InMemoryStore()
            return try await body(store, store.leader())
        }
        try await withLocation { location in
            let store = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            try await body(store, store.leader())
            await store.close()
        }
    }

    /// Runs `body` with the location of a fresh, empty database.
    func withLocation(_ body: (SQLLocation) async throws -> Void) async throws {
        switch self {
        case .memory: Issue.record("the in-memory store has no database")
        case .sqlite:
            let folder = try TemporaryFolder()
            try await body(.sqlite(path: folder.path + "/aibuild.db"))
        case .mariadb:
            try await body(.mariadb(MariaDBServer.shared().makeDatabase()))
        }
    }
}
