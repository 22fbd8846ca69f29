import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// Rows that are damaged, or that a newer aibuild wrote.
@Suite(.timeLimit(.minutes(3))) struct UnusableRowTests {
    /// Fills a store with `fill`, changes rows by SQL, and opens the store again.
    private func with(
        _ kind: StoreKind, damage: [String],
        _ fill: (any LeaderStore) async throws -> Void,
        _ body: (SQLLocation, SQLStore) async throws -> Void
    ) async throws {
        try await kind.withLocation { location in
            let first = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            try await first.leader().add(Samples.guestOS("ubuntu1604"))
            try await fill(first.leader())
            await first.close()
            try await change(location, damage)
            let second = try await SQLStore.open(location)
            try await body(location, second)
            await second.close()
        }
    }

    private func change(_ location: SQLLocation, _ statements: [String]) async throws {
        let database = try await SQLDatabase.open(location)
        for sql in statements { try await database.execute(sql) }
        await database.close()
    }

    private func fill(_ leader: any LeaderStore) async throws {
        for index in 1...5 {
            _ = try await leader.enqueue(Samples.build("b\(index)", at: Int64(index)))
        }
        _ = try await leader.apply(Samples.claim("b3", 3))
    }

    @Test(
        "A build that cannot be used is named, and the others are recovered",
        arguments: [
            "state = 'mirroring'", "stage = 'sign'", "plan = '{'",
            "plan = '{\"template\":7}'", "image = '[]'", "fault_class = 'template'",
            "attempt = NULL", "attempt = 'not a token'", "host = NULL",
        ], StoreKind.databases)
    func unusableBuild(_ damage: String, _ kind: StoreKind) async throws {
        try await with(kind, damage: ["UPDATE builds SET \(damage) WHERE id = 'b3'"], fill) {
            location, store in
            let live = try await store.allLiveBuilds().map(\.build.id)
            #expect(live == ["b1", "b2", "b4", "b5"])
            let named = store.unusableRows()
            #expect(named.map(\.table) == ["builds"] && named.map(\.id) == ["b3"])
            #expect(named.first?.reason.isEmpty == false)
            // A page is full although one row of it is left out.
            let page = try await store.builds(BuildFilter(), limit: 3).map(\.id)
            #expect(page == ["b5", "b4", "b2"])
            let rest = try await store.builds(BuildFilter(after: "b2"), limit: 3).map(\.id)
            #expect(rest == ["b1"])

            let leader = try await store.leader()
            for use in [
                { _ = try await store.build(id: "b3") },
                { _ = try await leader.requestCancel(build: "b3") },
                { _ = try await leader.apply(Samples.pass("b3", 3, at: 5)) },
            ] as [() async throws -> Void] {
                let error = await #expect(throws: StoreError.self) { try await use() }
                #expect(error?.code == .unusable && error?.isPermanent == true)
                #expect(error?.description.contains("'b3' of builds") == true)
            }
            _ = try await leader.apply(Samples.claim("b1", 1))
        }
    }

    @Test("A row that was repaired is no longer named", arguments: StoreKind.databases)
    func repairedRow(_ kind: StoreKind) async throws {
        let damage = "UPDATE builds SET stage = 'sign' WHERE id = 'b2'"
        try await with(kind, damage: [damage], fill) { location, store in
            let row = try await store.allLiveBuilds()
            #expect(row.count == 4)
            #expect(store.unusableRows().map(\.id) == ["b2"])
            await store.close()
            try await change(location, ["UPDATE builds SET stage = 'build' WHERE id = 'b2'"])
            let again = try await SQLStore.open(location)
            #expect(try await again.allLiveBuilds().count == 5)
            #expect(again.unusableRows().isEmpty)
            await again.close()
        }
    }

    @Test(
        "Numbers outside their range are clamped, and the build runs",
        arguments: [
            "number = 2147483647", "attempt_count = -1", "submitted_ms = 9223372036854775807",
            "not_before_ms = -9223372036854775808", "priority = -2147483648",
        ], StoreKind.databases)
    func numbersOutOfRange(_ damage: String, _ kind: StoreKind) async throws {
        try await with(kind, damage: ["UPDATE builds SET \(damage) WHERE id = 'b1'"], fill) {
            _, store in
            let live = try await store.allLiveBuilds()
            #expect(live.count == 5)
            let claimed = try await store.leader().apply(Samples.claim("b1", 9))
            #expect(claimed?.state == .building)
        }
    }

    @Test("An attempt that cannot be used is left out", arguments: StoreKind.databases)
    func unusableAttempt(_ kind: StoreKind) async throws {
        let damage = [
            "UPDATE attempts SET stage = 'sign' WHERE ordinal = 1 AND build = 'b1'"
        ]
        try await with(kind, damage: damage) { leader in
            _ = try await leader.enqueue(Samples.build("b1"))
            for number in [UInt64(1), 2] {
                _ = try await leader.apply(Samples.claim("b1", number, ordinal: Int(number)))
                _ = try await leader.apply(Samples.fail("b1", number, to: .queued, at: 3000))
            }
        } _: { _, store in
            let live = try await store.allLiveBuilds()
            #expect(live.map { $0.attempts.map(\.ordinal) } == [[2]])
            #expect(try await store.attempts(ofBuild: "b1").map(\.ordinal) == [2])
            #expect(store.unusableRows().map(\.table) == ["attempts"])
        }
    }

    @Test(
        "Releases, environments and guest OSes are left out alike", arguments: StoreKind.databases)
    func otherTables(_ kind: StoreKind) async throws {
        let damage = [
            "UPDATE releases SET document = '{}' WHERE id = 'r1'",
            "UPDATE envs SET settings = '{\"kind\":\"moon\"}' WHERE name = 'lab'",
            "UPDATE guestos SET template = '{' WHERE name = 'broken'",
        ]
        try await with(kind, damage: damage) { leader in
            let build = try await leader.enqueue(Samples.build("b1"))
            for name in ["lab", "prod"] {
                let settings = OpenStackSettings(
                    authURL: "https://\(name)", project: "p", username: "u", format: .raw,
                    visibility: .public)
                try await leader.add(
                    ReleaseEnvironment(
                        id: "env-" + name, name: name, settings: .openstack(settings),
                        createdMilliseconds: 8), secret: nil)
            }
            for id in ["r1", "r2", "r3"] {
                try await leader.add(
                    Release(
                        id: id, build: build, environment: "prod", requestedBy: "anna",
                        createdMilliseconds: 1))
            }
            try await leader.add(Samples.guestOS("broken"))
        } _: { _, store in
            let releases = try await store.allLiveReleases().map(\.id)
            #expect(releases == ["r2", "r3"])
            let environments = try await store.environments().map(\.name)
            #expect(environments == ["prod"])
            let guestOSes = try await store.guestOSes(after: nil, limit: 9).map(\.name)
            #expect(guestOSes == ["ubuntu1604"])
            let named = store.unusableRows().map { "\($0.table) \($0.id)" }
            #expect(named == ["envs lab", "guestos broken", "releases r1"])
        }
    }

    /// An image must not pass because a test was left out.
    @Test("A test case that cannot be used is not left out", arguments: StoreKind.databases)
    func unusableTestCase(_ kind: StoreKind) async throws {
        let damage = ["UPDATE testcases SET definition = '{' WHERE id = 't1'"]
        try await with(kind, damage: damage) { leader in
            for id in ["t1", "t2"] {
                try await leader.add(TestCase(id: id, name: id, osType: .linux))
            }
        } _: { _, store in
            let error = await #expect(throws: StoreError.self) {
                try await store.testCases(.linux)
            }
            #expect(error?.code == .unusable)
        }
    }
}
