import BuildProtocol
import CoordinatorCore
import TestSupport
import Testing

/// What builds made outside their hosts, and what of it is to be removed.
@Suite(.timeLimit(.minutes(3))) struct RemoteImageStoreTests {
    private let made = [
        RemoteImage(builder: "aws", type: "ami", id: "eu:ami-1"),
        RemoteImage(builder: "gce", type: "", id: nil),
    ]

    /// An attempt that ends, and what it left elsewhere.
    private func end(
        _ kind: StoreKind, _ fault: Fault?,
        _ body: (any Store, any LeaderStore, Build, AttemptToken) async throws -> Void
    ) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let build = try await leader.enqueue(Samples.build("b1"))
            let token = Samples.token(1)
            _ = try await leader.apply(Samples.claim(build.id, 1, at: 5))
            let change = BuildChange(
                build: build.id, from: [.building], owner: token,
                to: fault == nil ? .passed : .failed, atMilliseconds: 10,
                end: AttemptEnd(outcome: Outcome(fault: fault), remoteImages: made), fault: fault)
            let ended = try #require(try await leader.apply(change))
            // Repeated after a lost answer.
            _ = try await leader.apply(change)
            try await body(store, leader, ended, token)
        }
    }

    @Test(
        "The images of a build that passed stay until it is pruned", arguments: StoreKind.allCases)
    func passed(_ kind: StoreKind) async throws {
        try await end(kind, nil) { store, leader, build, token in
            let kept = try await store.remoteImages(ofBuild: build.id)
            #expect(kept.map(\.image) == made && kept.map(\.position) == [0, 1])
            #expect(kept.allSatisfy { $0.attempt == token && $0.removeMilliseconds == nil })
            #expect(try await store.remoteImages(ofBuild: "other").isEmpty)
            #expect(try await store.dueRemovals(atMilliseconds: 1 << 40, limit: 9).isEmpty)
            _ = try await leader.beginPrune(build: build.id, atMilliseconds: 20)
            #expect(try await store.dueRemovals(atMilliseconds: 19, limit: 9).isEmpty)
            let due = try await store.dueRemovals(atMilliseconds: 20, limit: 9)
            #expect(due.map(\.image) == made && due.map(\.removeMilliseconds) == [20, 20])
            #expect(try await store.dueRemovals(atMilliseconds: 20, limit: 1) == [due[0]])

            var later = due[0]
            later.removeMilliseconds = 500
            later.tries = 1
            later.problem = "the cloud is away"
            try await leader.record(later)
            var gone = due[1]
            gone.removeMilliseconds = nil
            gone.removedMilliseconds = 21
            try await leader.record(gone)
            #expect(try await store.dueRemovals(atMilliseconds: 499, limit: 9).isEmpty)
            #expect(try await store.dueRemovals(atMilliseconds: 500, limit: 9) == [later])
            #expect(try await store.remoteImages(ofBuild: build.id) == [later, gone])
            // A clock that was wrong has written a time that never comes.
            later.removeMilliseconds = 1 << 42
            try await leader.record(later)
            #expect(try await store.dueRemovals(atMilliseconds: 500, limit: 9) == [later])

            try await leader.endPrune(build: build.id)
            #expect(try await leader.removeHistory(before: 1 << 42, limit: 9) == 1)
            #expect(try await store.remoteImages(ofBuild: build.id).isEmpty)
        }
    }

    @Test("Those of an attempt that did not pass are due at once", arguments: StoreKind.allCases)
    func failed(_ kind: StoreKind) async throws {
        try await end(kind, Samples.fault) { store, _, _, _ in
            let due = try await store.dueRemovals(atMilliseconds: 10, limit: 9)
            #expect(due.map(\.image) == made)
        }
    }

    @Test("Those of an image that is withdrawn are due", arguments: StoreKind.allCases)
    func withdrawn(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let build = try await leader.enqueue(Samples.build("b1"))
            let tokens = [Samples.token(1), Samples.token(2)]
            _ = try await leader.apply(Samples.claim(build.id, 1, at: 5))
            let built = BuildChange(
                build: build.id, from: [.building], owner: tokens[0], to: .queued, stage: .test,
                atMilliseconds: 10, end: AttemptEnd(outcome: Outcome(), remoteImages: made),
                notBeforeMilliseconds: 0)
            _ = try #require(try await leader.apply(built))
            #expect(try await store.dueRemovals(atMilliseconds: 99, limit: 9).isEmpty)
            let again = Samples.claim(build.id, 2, ordinal: 2, at: 15)
            _ = try #require(try await leader.apply(again))
            var rejected = BuildChange(
                build: build.id, from: [.building, .testing], owner: tokens[1], to: .failed,
                atMilliseconds: 30, end: AttemptEnd(outcome: Outcome(fault: Samples.fault)),
                fault: Samples.fault)
            rejected.withdrawsImage = true
            _ = try #require(try await leader.apply(rejected))
            let due = try await store.dueRemovals(atMilliseconds: 30, limit: 9)
            #expect(due.map(\.image) == made && due.map(\.removeMilliseconds) == [30, 30])
        }
    }
}
