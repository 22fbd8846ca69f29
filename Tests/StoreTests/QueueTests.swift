import BuildProtocol
import CoordinatorCore
import TestSupport
import Testing

/// Submitting, numbering and listing of builds.
@Suite(.timeLimit(.minutes(3))) struct QueueTests {
    @Test("A build is read as it was stored", arguments: StoreKind.allCases)
    func buildRoundTrip(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let new = Samples.build("b1", priority: -3, at: 1_700_000_000_789)
            let build = try await leader.enqueue(new)
            #expect(build == Build(new, number: 1))
            #expect(build.state == .queued)
            #expect(try await store.build(id: "b1") == build)
            #expect(try await store.build(guestOS: "ubuntu1604", number: 1) == build)
            #expect(try await store.build(guestOS: "ubuntu1604", number: 2) == nil)
            #expect(try await store.build(id: "B1") == nil)
        }
    }

    @Test("Build numbers count from 1 for each guest OS", arguments: StoreKind.allCases)
    func numbersPerGuestOS(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["ubuntu1604", "debian9"] { try await leader.add(Samples.guestOS(name)) }
            #expect(try await leader.enqueue(Samples.build("u1")).number == 1)
            #expect(try await leader.enqueue(Samples.build("d1", of: "debian9")).number == 1)
            #expect(try await leader.enqueue(Samples.build("u2")).number == 2)
            #expect(try await leader.enqueue(Samples.build("d2", of: "debian9")).number == 2)
        }
    }

    /// A caller whose first response was lost asks again.
    @Test("A build that is submitted twice is stored once", arguments: StoreKind.allCases)
    func submittedOnce(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let first = try await leader.enqueue(Samples.build("b1"))
            #expect(try await leader.enqueue(Samples.build("b1")) == first)
            #expect(try await leader.enqueue(Samples.build("b2")).number == 2)
            #expect(try await store.allLiveBuilds().count == 2)
        }
    }

    @Test("A build of an unknown guest OS is refused", arguments: StoreKind.allCases)
    func guestOSIsRequired(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            await #expect(throws: StoreError.notFound(what: .guestOS, name: "ubuntu1604")) {
                try await leader.enqueue(Samples.build("b1"))
            }
            let live = try await store.allLiveBuilds()
            #expect(live.isEmpty)
        }
    }

    @Test("Concurrent submissions get unique numbers", arguments: StoreKind.allCases)
    func concurrentNumbers(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<60 {
                    group.addTask { try await leader.enqueue(Samples.build("b\(index)")).number }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.sorted() == Array(1...60))
        }
    }

    @Test("A recovery reads all live builds, page by page", arguments: StoreKind.allCases)
    func livePages(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for (id, priority, time) in [
                ("c", 0, 20), ("b", 0, 10), ("a", 0, 10), ("low", -5, 1), ("high", 9, 99),
                ("ended", 9, 1), ("running", 0, 5),
            ] {
                _ = try await leader.enqueue(
                    Samples.build(id, priority: priority, at: Int64(time)))
            }
            try await leader.run("ended", 1, from: 100, to: 200)
            _ = try await leader.apply(Samples.claim("running", 2))
            for limit in [1, 2, 5, 6, 7] {
                let all = try await StorePage.all {
                    try await store.liveBuilds(after: $0, limit: limit)
                }
                #expect(all.map(\.build.id) == ["a", "b", "c", "high", "low", "running"])
                let attempts = all.map(\.attempts.count)
                #expect(attempts == [0, 0, 0, 0, 0, 1])
            }
        }
    }

    @Test("Builds are listed newest first, by page", arguments: StoreKind.allCases)
    func buildPages(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["ubuntu1604", "debian9"] { try await leader.add(Samples.guestOS(name)) }
            for (id, time) in [("a", 10), ("b", 30), ("c", 20), ("d", 20), ("e", 20)] {
                _ = try await leader.enqueue(Samples.build(id, at: Int64(time)))
            }
            _ = try await leader.enqueue(Samples.build("x", of: "debian9", at: 25))
            func ids(_ filter: BuildFilter, _ limit: Int = 50) async throws -> [String] {
                try await store.builds(filter, limit: limit).map(\.id)
            }
            #expect(try await ids(BuildFilter()) == ["b", "x", "e", "d", "c", "a"])
            var pages: [String] = []
            while true {
                let page = try await ids(BuildFilter(after: pages.last), 2)
                if page.isEmpty { break }
                pages += page
            }
            #expect(pages == ["b", "x", "e", "d", "c", "a"])
            #expect(
                try await ids(BuildFilter(guestOS: "ubuntu1604", after: "e")) == ["d", "c", "a"])
            #expect(try await ids(BuildFilter(guestOS: "none")).isEmpty)
            #expect(try await ids(BuildFilter(after: "no such build")).isEmpty)

            _ = try await leader.apply(Samples.claim("c", 1))
            try await leader.run("a", 2, from: 100, to: 200)
            #expect(try await ids(BuildFilter(states: [.building, .passed])) == ["c", "a"])
            #expect(try await ids(BuildFilter(guestOS: "debian9", states: [.queued])) == ["x"])
            #expect(try await ids(BuildFilter(states: [])).isEmpty)
        }
    }

    @Test("A recovery reads the attempts of live builds with them", arguments: StoreKind.allCases)
    func attemptsOfLiveBuilds(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for id in ["waits", "runs", "again", "ended"] {
                _ = try await leader.enqueue(Samples.build(id))
            }
            _ = try await leader.apply(Samples.claim("runs", 1))
            for number in [UInt64(2), 3] {
                _ = try await leader.apply(
                    Samples.claim("again", number, ordinal: Int(number) - 1))
                _ = try await leader.apply(Samples.fail("again", number, to: .queued, at: 3000))
            }
            try await leader.run("ended", 4, from: 1000, to: 2000)
            let live = try await store.allLiveBuilds()
            #expect(live.map(\.build.id) == ["again", "runs", "waits"])
            for recorded in live {
                #expect(
                    try await store.attempts(ofBuild: recorded.build.id) == recorded.attempts)
            }
            #expect(live.map { $0.attempts.map(\.ordinal) } == [[1, 2], [1], []])
        }
    }

    @Test("Recent durations are those of the attempts that passed", arguments: StoreKind.allCases)
    func recentDurations(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for id in ["a", "b", "c", "d", "e"] { _ = try await leader.enqueue(Samples.build(id)) }
            try await leader.run("a", 1, from: 1000, to: 11_999)
            try await leader.run("b", 2, from: 1000, to: 31_000)
            // The time of the attempt that passed, not of the one that was lost before it.
            _ = try await leader.apply(Samples.claim("c", 3, at: 1000))
            _ = try await leader.apply(Samples.fail("c", 3, to: .queued, at: 50_000))
            _ = try await leader.apply(Samples.claim("c", 4, ordinal: 2, at: 60_000))
            _ = try await leader.apply(Samples.pass("c", 4, at: 65_000))
            _ = try await leader.apply(Samples.claim("d", 5, at: 1000))
            _ = try await leader.apply(Samples.fail("d", 5, to: .failed, at: 90_000))
            func recent(
                _ guestOS: String = "ubuntu1604", _ stage: BuildStage = .build, limit: Int = 9
            ) async throws -> [Int] {
                try await store.recentDurations(guestOS: guestOS, stage: stage, limit: limit)
                    .map(\.seconds)
            }
            #expect(try await recent() == [5, 30, 10])
            #expect(try await recent(limit: 1) == [5])
            #expect(try await recent("x").isEmpty)
            #expect(try await recent("ubuntu1604", .test).isEmpty)
        }
    }
}
