import CoordinatorCore
import TestSupport
import Testing

/// One of several coordinators leads.
@Suite(.timeLimit(.minutes(3))) struct LeaseTests {
    private let anna = Candidate(id: "a", url: "http://a", leaseMilliseconds: 600_000)
    private let bert = Candidate(id: "b", url: "http://b", leaseMilliseconds: 600_000)

    /// Runs `body` on a store that no coordinator has led yet.
    private func with(
        _ kind: StoreKind, _ body: (any Store & LeaseStore) async throws -> Void
    ) async throws {
        try await kind.with { store, _ in
            try await store.resign(store.lead())
            try await body(store)
        }
    }

    @Test(
        "The first candidate leads and renews its lease", arguments: StoreKind.allCases)
    func firstCandidateLeads(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let won = try await store.campaign(anna)
            let epoch = try #require(won.epoch(heldBy: anna))
            #expect(won.holder == "a" && won.url == "http://a" && epoch.number > 0)
            let other = try await store.campaign(bert)
            #expect(other.holder == "a" && other.epoch(heldBy: bert) == nil)
            var leading = anna
            leading.epoch = epoch
            #expect(try await store.campaign(leading).epoch(heldBy: leading) == epoch)
        }
    }

    @Test("An expired lease is taken by another candidate", arguments: StoreKind.allCases)
    func expiredLeaseIsTaken(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            var brief = anna
            brief.leaseMilliseconds = -1
            let first = try await store.campaign(brief)
            let second = try await store.campaign(bert)
            #expect(second.holder == "b" && second.epoch > first.epoch)
            brief.epoch = first.epoch(heldBy: brief)
            #expect(try await store.campaign(brief) == second, "it is not given back")
            #expect(second.epoch(heldBy: brief) == nil)
        }
    }

    /// Its last process cannot be alive, because it had the same state folder.
    @Test("A restarted leader takes its own lease at once", arguments: StoreKind.allCases)
    func restartedLeader(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            var first = anna
            first.epoch = try await store.campaign(first).epoch(heldBy: first)
            var next = anna
            next.id = "a2"
            next.predecessors = ["a", "a0"]
            let second = try await store.campaign(next)
            #expect(second.epoch(heldBy: first) == nil, "the process before it is deposed")
            let epochs = (first.epoch, second.epoch(heldBy: next))
            #expect(try #require(epochs.1) > #require(epochs.0))
        }
    }

    @Test(
        "Coordinators from copies of one state folder do not take each other's lease",
        arguments: StoreKind.allCases)
    func copiedStateFolder(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            _ = try await store.campaign(anna)
            let copies = ["one", "other"].map { id in
                Candidate(
                    id: id, predecessors: ["a"], url: "http://\(id)", leaseMilliseconds: 600_000)
            }
            let won = try await store.campaign(copies[0])
            #expect(won.holder == "one")
            for _ in 0..<3 { #expect(try await store.campaign(copies[1]) == won) }
            var leading = copies[0]
            leading.epoch = won.epoch(heldBy: leading)
            #expect(try await store.campaign(leading).epoch == won.epoch)
        }
    }

    @Test("A resignation frees only its own lease, at once", arguments: StoreKind.allCases)
    func resignation(_ kind: StoreKind) async throws {
        try await with(kind) { store in
            let stale = try await store.lead(as: "a")
            let current = try await store.lead(as: "a")
            try await store.resign(stale)
            #expect(try await store.campaign(bert).holder == "a")
            try await store.resign(current)
            #expect(try await store.campaign(bert).holder == "b")
        }
    }

    @Test("Of concurrent candidates one wins", arguments: StoreKind.allCases)
    func oneWinner(_ kind: StoreKind) async throws {
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
