import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Synchronization
import TestSupport
import Testing

/// The response to a COMMIT is lost: nothing may take effect twice, and no caller may conclude that
/// it did not take effect.
@Suite(.timeLimit(.minutes(3))) struct LostCommitTests {
    private func with(
        _ body: (SQLStore, any LeaderStore, CommitCutter) async throws -> Void
    ) async throws {
        let server = try await MariaDBServer.shared()
        let proxy = try CommitCutter(port: server.port)
        var endpoint = try await server.makeDatabase()
        endpoint.socket = proxy.socketPath
        let store = try await SQLStore.open(.mariadb(endpoint))
        let leader = try await store.leader()
        try await leader.add(Samples.guestOS("ubuntu1604"))
        try await body(store, leader, proxy)
        await store.close()
        proxy.close()
    }

    @Test("A claim whose COMMIT answer is lost belongs to its claimer")
    func claimSurvives() async throws {
        try await with { store, leader, proxy in
            _ = try await leader.enqueue(Samples.build("b1"))
            proxy.cuts.store(1, ordering: .sequentiallyConsistent)
            let build = try #require(try await leader.apply(Samples.claim("b1", 1)))
            #expect(build.attempt == Samples.token(1))
            #expect(build.attemptCount == 1)
            #expect(try await store.attempts(ofBuild: "b1").count == 1)
            #expect(try await leader.apply(Samples.claim("b1", 2)) == nil)
        }
    }

    @Test("A build whose COMMIT answers are lost is stored and published once")
    func submittedOnce() async throws {
        try await with { store, leader, proxy in
            proxy.cuts.store(1, ordering: .sequentiallyConsistent)
            #expect(try await leader.enqueue(Samples.build("b1")).number == 1)
            #expect(try await leader.enqueue(Samples.build("b2")).number == 2)
            _ = try await leader.apply(Samples.claim("b1", 1))
            proxy.cuts.store(1, ordering: .sequentiallyConsistent)
            let passed = try #require(try await leader.apply(Samples.pass("b1", 1, at: 5000)))
            #expect(passed.state == .passed)
            #expect(try await store.artifacts(of: Samples.token(1)) == Samples.recorded)
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).count == 1)
        }
    }

    @Test("A caller that retries a failed claim learns that it took effect")
    func callerRetries() async throws {
        try await with { store, leader, proxy in
            _ = try await leader.enqueue(Samples.build("b1"))
            proxy.cuts.store(100, ordering: .sequentiallyConsistent)
            let error = await #expect(throws: StoreError.self) {
                try await leader.apply(Samples.claim("b1", 1))
            }
            #expect(error?.description.contains("was lost") == true)
            proxy.cuts.store(0, ordering: .sequentiallyConsistent)
            let build = try await leader.apply(Samples.claim("b1", 1))
            #expect(build?.attempt == Samples.token(1))
            #expect(build?.attemptCount == 1)
        }
    }

    @Test("A change whose COMMIT answer is lost has its row of the audit log once")
    func auditedOnce() async throws {
        try await with { store, leader, proxy in
            func entry(_ action: String) -> AuditEntry {
                AuditEntry(atMilliseconds: 7, actor: "anna", action: action, subject: "b1")
            }
            var changed = Samples.guestOS("ubuntu1604")
            changed.owner = "team-b"
            for (action, change) in [
                ("submit", { _ = try await $0.enqueue(Samples.build("b1")) }),
                ("cancel", { _ = try await $0.requestCancel(build: "b1") }),
                ("change", { [changed] in try await $0.update(changed) }),
            ] as [(String, (any LeaderStore) async throws -> Void)] {
                proxy.cuts.store(1, ordering: .sequentiallyConsistent)
                try await change(leader.recording(entry(action)))
                #expect(proxy.cuts.load(ordering: .sequentiallyConsistent) == 0, "\(action)")
            }
            let rows = try await store.audit(limit: 9)
            #expect(rows.map(\.action) == ["change", "cancel", "submit"])
            #expect(rows.last?.subject == "ubuntu1604:1")
        }
    }

    @Test("SQLKit reports a lost COMMIT as unknown and repeats nothing")
    func lostCommitIsUnknown() async throws {
        let server = try await MariaDBServer.shared()
        let proxy = try CommitCutter(port: server.port)
        var endpoint = try await server.makeDatabase()
        endpoint.socket = proxy.socketPath
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        try await database.execute("CREATE TABLE v (n INTEGER)")
        proxy.cuts.store(1, ordering: .sequentiallyConsistent)
        let error = await #expect(throws: SQLError.self) {
            try await database.transaction { try $0.execute("INSERT INTO v VALUES (1)") }
        }
        #expect(error?.code == .connectionLost)
        #expect(error?.isPermanent == false)
        #expect(try await database.query("SELECT n FROM v").count == 1)
        await database.close()
        proxy.close()
    }
}
