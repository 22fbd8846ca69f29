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

    /// Runs `body` on a fresh, empty store.
    func with(_ body: (any Store) async throws -> Void) async throws {
        guard self != .memory else { return try await body(InMemoryStore()) }
        try await withLocation { location in
            let store = try await SQLStore.open(location, secretKey: SecretKey())
            try await body(store)
            await store.close()
        }
    }

    /// Runs `body` with the place of a fresh, empty database.
    func withLocation(_ body: (SQLLocation) async throws -> Void) async throws {
        switch self {
        case .memory: Issue.record("the store in memory has no database")
        case .sqlite:
            let folder = try TemporaryFolder()
            try await body(.sqlite(path: folder.path + "/aibuild.db"))
        case .mariadb:
            try await body(.mariadb(MariaDBServer.shared().makeDatabase()))
        }
    }
}

/// As the coordinator of a store that nobody has led yet.
extension Store {
    func add(_ guestOS: GuestOS) async throws { try await add(guestOS, epoch: 0) }
    func update(_ guestOS: GuestOS) async throws { try await update(guestOS, epoch: 0) }
    func add(_ host: Host) async throws { try await add(host, epoch: 0) }
    func setDrained(_ drained: Bool, host: String) async throws {
        try await setDrained(drained, host: host, epoch: 0)
    }
    func removeHost(_ name: String) async throws { try await removeHost(name, epoch: 0) }
    func add(_ testCase: TestCase) async throws { try await add(testCase, epoch: 0) }
    func define(_ testCase: TestCase) async throws { try await define(testCase, epoch: 0) }
    func removeTestCase(id: String) async throws { try await removeTestCase(id: id, epoch: 0) }
}
