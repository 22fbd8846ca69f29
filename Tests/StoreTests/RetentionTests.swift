import BuildProtocol
import CoordinatorCore
import Testing

/// Pins, and what is gone, in every store.
@Suite(.timeLimit(.minutes(3))) struct RetentionTests {
    private func with(
        _ kind: StoreKind, _ body: (any Store) async throws -> Void
    ) async throws {
        try await kind.with { store in
            try await store.add(Samples.guestOS("ubuntu1604"))
            for (id, number) in [("b1", UInt64(1)), ("b2", 2)] {
                _ = try await store.enqueue(Samples.build(id, at: Int64(number)))
                try await store.run(id, number, from: 2000, to: 3000)
            }
            _ = try await store.enqueue(Samples.build("waits"))
            try await body(store)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func whatIsPinnedIsNotPruned(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            #expect(try await store.setPinned(true, build: "b1", epoch: 0)?.isPinned == true)
            #expect(try await store.build(id: "b1")?.isPinned == true)
            #expect(try await store.beginPrune(build: "b1", atMilliseconds: 9, epoch: 0) == nil)
            #expect(try await store.setPinned(false, build: "b1", epoch: 0)?.isPinned == false)
            let pruned = try await store.beginPrune(build: "b1", atMilliseconds: 9, epoch: 0)
            #expect(pruned?.prunedMilliseconds == 9 && pruned?.state == .passed)
            #expect(pruned?.image != nil, "the row stays as it is")
            #expect(try await store.setPinned(true, build: "b1", epoch: 0) == nil, "too late")
            #expect(try await store.setPinned(true, build: "none", epoch: 0) == nil)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func whatLivesIsNotPrunedAndWhatIsGoneNotTwice(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            #expect(try await store.beginPrune(build: "waits", atMilliseconds: 9, epoch: 0) == nil)
            #expect(try await store.beginPrune(build: "none", atMilliseconds: 9, epoch: 0) == nil)
            #expect(try await store.beginPrune(build: "b1", atMilliseconds: 9, epoch: 0) != nil)
            #expect(try await store.beginPrune(build: "b1", atMilliseconds: 10, epoch: 0) == nil)
            #expect(try await store.halfPruned().map(\.id) == ["b1"])
            try await store.endPrune(build: "b1", epoch: 0)
            try await store.endPrune(build: "b1", epoch: 0)
            #expect(try await store.halfPruned().isEmpty)
            #expect(try await store.build(id: "b1")?.prunedMilliseconds == 9)
            var filter = BuildFilter(states: [.passed])
            filter.isKept = true
            #expect(try await store.builds(filter, limit: 9).map(\.id) == ["b2"])
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).count == 2, "rows stay")
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aDeposedLeaderPrunesNothing(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            await #expect(throws: StoreError.self) {
                try await store.beginPrune(build: "b1", atMilliseconds: 9, epoch: 3)
            }
            await #expect(throws: StoreError.self) {
                try await store.setPinned(true, build: "b1", epoch: 3)
            }
            let build = try #require(try await store.build(id: "b1"))
            #expect(build.isPrunable)
        }
    }
}
