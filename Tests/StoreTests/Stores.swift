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
            let store = try await SQLStore.open(location, secretKey: SecretKey())
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

extension LeaseStore {
    /// Campaigns as a coordinator that has just started.
    func lead(as id: String = "test", milliseconds: Int64 = 600_000) async throws -> LeaseEpoch {
        let candidate = Candidate(id: id, url: "http://\(id)", leaseMilliseconds: milliseconds)
        return try #require(try await campaign(candidate).epoch(heldBy: candidate))
    }
}

extension Store where Self: LeaseStore {
    /// The writes of a coordinator that has just taken the lease.
    func leader(_ id: String = "test") async throws -> any LeaderStore {
        leading(try await lead(as: id))
    }
}
