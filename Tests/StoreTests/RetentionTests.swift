import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import TestSupport
import Testing

/// Pins and pruned builds.
@Suite(.timeLimit(.minutes(3))) struct RetentionTests {
    private func with(
        _ kind: StoreKind, _ body: (any Store & LeaseStore, any LeaderStore) async throws -> Void
    ) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for (id, number) in [("b1", UInt64(1)), ("b2", 2)] {
                _ = try await leader.enqueue(Samples.build(id, at: Int64(number)))
                try await leader.run(id, number, from: 2000, to: 3000)
            }
            _ = try await leader.enqueue(Samples.build("waits"))
            try await body(store, leader)
        }
    }

    @Test("Which policy is in force is kept", arguments: StoreKind.allCases)
    func policyState(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            #expect(try await store.retentionState() == RetentionState())
            let state = RetentionState().next(
                RetentionPolicy(goodImages: 3), graceMilliseconds: 5, nowMilliseconds: 1)
            for state in [state, RetentionState(inForce: RetentionPolicy())] {
                try await leader.set(state)
                #expect(try await store.retentionState() == state)
            }
        }
    }

    @Test("A pinned build is not pruned", arguments: StoreKind.allCases)
    func pinnedIsKept(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            #expect(try await leader.setPinned(true, build: "b1")?.isPinned == true)
            #expect(try await store.build(id: "b1")?.isPinned == true)
            #expect(try await leader.beginPrune(build: "b1", atMilliseconds: 9) == nil)
            #expect(try await leader.setPinned(false, build: "b1")?.isPinned == false)
            let pruned = try await leader.beginPrune(build: "b1", atMilliseconds: 9)
            #expect(pruned?.prunedMilliseconds == 9 && pruned?.state == .passed)
            #expect(pruned?.image != nil, "the row stays as it is")
            #expect(try await leader.setPinned(true, build: "b1") == nil, "too late")
            #expect(try await leader.setPinned(true, build: "none") == nil)
        }
    }

    @Test(
        "The digests of chunks that an older version stored are removed with the image",
        arguments: StoreKind.databases)
    func oldChunkDigests(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let store = try await SQLStore.open(location)
            let leader = try await store.leader()
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for (id, number) in [("b1", UInt64(1)), ("b2", 2)] {
                _ = try await leader.enqueue(Samples.build(id, at: Int64(number)))
                try await leader.run(id, number, from: 2000, to: 3000)
            }
            await store.close()
            let older = try await SQLDatabase.open(location)
            try await older.execute("UPDATE artifacts SET chunk_sha256 = 'c1 c2'")
            await older.close()
            let again = try await SQLStore.open(location)
            let next = try await again.leader()
            _ = try await next.beginPrune(build: "b1", atMilliseconds: 9)
            try await next.endPrune(build: "b1")
            await again.close()
            let database = try await SQLDatabase.open(location)
            let rows = try await database.query("SELECT attempt, chunk_sha256 FROM artifacts")
            let left = try rows.filter { try !$0.text("chunk_sha256").isEmpty }
            #expect(rows.count == 4 && left.count == 2)
            #expect(try left.allSatisfy { try $0.text("attempt") == Samples.token(2).text })
            await database.close()
        }
    }

    @Test("Only an ended build is pruned, and only once", arguments: StoreKind.allCases)
    func prunedOnce(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            #expect(try await leader.beginPrune(build: "waits", atMilliseconds: 9) == nil)
            #expect(try await leader.beginPrune(build: "none", atMilliseconds: 9) == nil)
            #expect(try await leader.beginPrune(build: "b1", atMilliseconds: 9) != nil)
            #expect(try await leader.beginPrune(build: "b1", atMilliseconds: 10) == nil)
            #expect(try await store.allHalfPruned().map(\.id) == ["b1"])
            try await leader.endPrune(build: "b1")
            try await leader.endPrune(build: "b1")
            #expect(try await store.allHalfPruned().isEmpty)
            #expect(try await store.build(id: "b1")?.prunedMilliseconds == 9)
            var filter = BuildFilter(states: [.passed])
            filter.isKept = true
            #expect(try await store.builds(filter, limit: 9).map(\.id) == ["b2"])
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).count == 2, "rows stay")
        }
    }
}
