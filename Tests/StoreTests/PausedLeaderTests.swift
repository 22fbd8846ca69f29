import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Synchronization
import TestSupport
import Testing

/// A leader whose program is suspended after its transaction has checked the lease, before COMMIT.
/// (SQLite has one coordinator: the file's lock refuses a second one.)
@Suite(.timeLimit(.minutes(3))) struct PausedLeaderTests {
    @Test("A leader that is paused before COMMIT commits nothing once another leads")
    func pausedOnOneServer() async throws {
        let server = try await MariaDBServer.shared()
        let endpoint = try await server.makeDatabase()
        try await Self.pause(
            before: endpoint, port: server.port, other: endpoint)
    }

    @Test("A leader that is paused before COMMIT at one Galera node commits nothing")
    func pausedInACluster() async throws {
        let cluster = try await GaleraCluster()
        let first = cluster.endpoint(first: 0)
        try await Self.pause(
            before: first, port: first.port, other: cluster.endpoint(first: 1))
    }

    private static func pause(
        before endpoint: MariaDBEndpoint, port: Int, other: MariaDBEndpoint
    ) async throws {
        let proxy = try CommitCutter(port: port)
        var behindProxy = endpoint
        behindProxy.socket = proxy.socketPath
        behindProxy.alternatives = []
        // A busy machine may take long until another coordinator leads: the COMMIT is held so long.
        behindProxy.statementTimeoutSeconds = 300
        let store = try await SQLStore.open(.mariadb(behindProxy))
        let second = try await SQLStore.open(.mariadb(other))
        let epoch = try await store.lead(as: "paused")
        let leader = store.leading(epoch)
        try await leader.add(Samples.guestOS("ubuntu1604"))

        proxy.holdCommits()
        let write = Task { try await leader.enqueue(Samples.build("late")) }
        try await eventually("its COMMIT is held") {
            proxy.held.load(ordering: .sequentiallyConsistent) > 0
        }
        try await second.resign(epoch)  // as if its lease had expired
        let next = Candidate(id: "next", url: "http://next", leaseMilliseconds: 600_000)
        let lease = try await eventually("another coordinator leads", seconds: 60) {
            try? await second.campaign(next)
        }
        #expect(lease.holder == "next")
        #expect(try await second.build(id: "late") == nil)

        proxy.releaseCommits()
        await #expect(throws: StoreError.deposed(lease)) { try await write.value }
        #expect(try await second.build(id: "late") == nil, "it was committed under the old epoch")
        await store.close()
        await second.close()
        proxy.close()
    }
}
