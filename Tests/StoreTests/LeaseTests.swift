import BuildProtocol
import CoordinatorCore
import Testing

/// One leads; whoever led before changes nothing any more.
@Suite(.timeLimit(.minutes(3))) struct LeaseTests {
    private let anna = Candidate(id: "a", url: "http://a", leaseMilliseconds: 600_000)
    private let bert = Candidate(id: "b", url: "http://b", leaseMilliseconds: 600_000)

    private func with(
        _ kind: StoreKind, _ body: (any Store & LeaseStore) async throws -> Void
    ) async throws {
        try await kind.with { store in
            let store = try #require(store as? any Store & LeaseStore)
            try await store.add(Samples.guestOS("ubuntu1604"))
            try await body(store)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func theFirstLeadsAndKeepsIt(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let won = try await store.campaign(anna)
            #expect(won.holder == "a" && won.url == "http://a" && won.epoch > 0)
            #expect(try await store.campaign(bert).holder == "a")
            var leading = anna
            leading.epoch = won.epoch
            let renewed = try await store.campaign(leading)
            #expect(renewed.isHeld(by: anna, epoch: won.epoch))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aLeaseThatRanOutIsTaken(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            var brief = anna
            brief.leaseMilliseconds = -1
            let first = try await store.campaign(brief)
            let second = try await store.campaign(bert)
            #expect(second.holder == "b" && second.epoch > first.epoch)
            brief.epoch = first.epoch
            #expect(try await store.campaign(brief) == second, "it is not given back")
        }
    }

    /// Its last process cannot live any more: it had the same state folder.
    @Test(arguments: StoreKind.allCases)
    func aRestartedLeaderNeedNotWait(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let first = try await store.campaign(anna)
            let second = try await store.campaign(anna)
            #expect(second.holder == "a" && second.epoch > first.epoch)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func whoResignsLetsTheNextOneInAtOnce(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let first = try await store.campaign(anna)
            try await store.resign(epoch: first.epoch - 1)
            #expect(try await store.campaign(bert).holder == "a", "only its own lease")
            try await store.resign(epoch: first.epoch)
            #expect(try await store.campaign(bert).holder == "b")
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aDeposedLeaderChangesNothing(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let old = try await store.campaign(anna).epoch
            try await store.add(Samples.host("kvm1"), epoch: old)
            var build = Samples.build("b1")
            build.epoch = old
            _ = try await store.enqueue(build)
            try await store.resign(epoch: old)
            let lease = try await store.campaign(bert)
            var claim = Samples.claim("b1", 1)
            claim.epoch = old
            await #expect(throws: StoreError.deposed(lease)) { try await store.apply(claim) }
            await #expect(throws: StoreError.deposed(lease)) {
                try await store.requestCancel(build: "b1", epoch: old)
            }
            var late = Samples.build("b2")
            late.epoch = old
            await #expect(throws: StoreError.deposed(lease)) { try await store.enqueue(late) }
            for change in [
                { try await store.add(Samples.guestOS("debian9"), epoch: old) },
                { try await store.update(Samples.guestOS("ubuntu1604"), epoch: old) },
                { try await store.add(Samples.host("kvm2"), epoch: old) },
                { try await store.setDrained(true, host: "kvm1", epoch: old) },
                { try await store.removeHost("kvm1", epoch: old) },
            ] as [() async throws -> Void] {
                await #expect(throws: StoreError.deposed(lease)) { try await change() }
            }
            #expect(try await store.hosts().map(\.drained) == [false])
            #expect(try await store.guestOS(named: "debian9") == nil)
            let stored = try #require(try await store.build(id: "b1"))
            #expect(stored.state == .queued && !stored.cancelRequested)
            #expect(try await store.build(id: "b2") == nil)
            claim.epoch = lease.epoch
            #expect(try await store.apply(claim)?.state == .building)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func ofManyOneWins(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let leases = try await withThrowingTaskGroup(of: Lease.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        try await store.campaign(
                            Candidate(
                                id: "c\(number)", url: "http://c\(number)",
                                leaseMilliseconds: 600_000))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(leases.map(\.epoch)).count == 1)
            #expect(Set(leases.map(\.holder)).count == 1)
        }
    }
}
