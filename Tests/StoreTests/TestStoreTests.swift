import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Testing

/// Test cases, stages, and the results of test attempts.
@Suite(.timeLimit(.minutes(3))) struct TestStoreTests {
    private static func testCase(_ id: String, _ name: String, _ type: OSType) -> TestCase {
        TestCase(
            id: id, name: name, osType: type,
            definition: TestDefinition(script: "echo '\(name)'\n更新", limitSeconds: 60))
    }

    @Test("Test cases are unique by type and name", arguments: StoreKind.allCases)
    func testCaseRoundTrip(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let boots = Self.testCase("1", "boots", .linux)
            let other = TestCase(id: "2", name: "by hand", osType: .linux)
            let windows = Self.testCase("3", "boots", .windows)
            for test in [boots, other, windows] { try await leader.add(test) }
            await #expect(throws: StoreError.exists(what: .testCase, name: "boots")) {
                try await leader.add(Self.testCase("4", "boots", .linux))
            }
            #expect(try await store.testCases(.linux) == [boots, other])
            #expect(try await store.testCases(nil) == [boots, windows, other])
            var changed = boots
            changed.definition = TestDefinition(program: "#!/bin/sh\n更新", limitSeconds: 9)
            for _ in 0..<2 { try await leader.define(changed) }
            #expect(try await store.testCases(nil) == [changed, windows, other])
            await #expect(throws: StoreError.notFound(what: .testCase, name: "9")) {
                try await leader.define(Self.testCase("9", "boots", .linux))
            }
            try await leader.removeTestCase(id: "1")
            #expect(try await store.testCases(.linux) == [other])
            await #expect(throws: StoreError.notFound(what: .testCase, name: "1")) {
                try await leader.removeTestCase(id: "1")
            }
        }
    }

    private func toTesting(
        _ store: any Store, _ leader: any LeaderStore
    ) async throws -> Build {
        try await leader.add(Samples.guestOS("ubuntu1604"))
        var new = Samples.build("b1")
        var tests = ImageTests(requirements: Requirements())
        tests.plan.cases = [
            PlannedTest(name: "boots", kind: .boot, limitSeconds: 9, id: "case-1"),
            PlannedTest(name: "own", kind: .script, limitSeconds: 9, path: "x.sh"),
        ]
        new.plan.tests = tests
        _ = try await leader.enqueue(new)
        _ = try #require(try await leader.apply(Samples.claim("b1", 1)))
        var built = Samples.pass("b1", 1, at: 5000)
        built.to = .queued
        built.stage = .test
        let waits = try #require(try await leader.apply(built))
        #expect(waits.state == .queued && waits.stage == .test && waits.fault == nil)
        #expect(try await store.build(id: "b1") == waits)
        #expect(try await leader.apply(built) == waits, "repeated")
        var claim = Samples.claim("b1", 2, ordinal: 2, at: 6000)
        claim.to = .testing
        claim.begin?.stage = .test
        let testing = try #require(try await leader.apply(claim))
        #expect(testing.state == .testing && testing.image == waits.image)
        return testing
    }

    private static func results(_ second: TestResult.Verdict) -> [TestResult] {
        [
            TestResult(name: "boots", result: .passed, milliseconds: 9_000, logFrom: 0, logTo: 70),
            TestResult(
                name: "own", result: second, milliseconds: 1, detail: "说明", logFrom: 70, logTo: 99),
        ]
    }

    @Test(
        "A test stage that passes records results and the new URL of the image",
        arguments: StoreKind.allCases)
    func passedTests(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            _ = try await toTesting(store, leader)
            var moved = Samples.published("image.qcow2")
            moved.url = "http://web/release/image.qcow2"
            let publishing = BuildChange(
                build: "b1", from: [.testing], owner: Samples.token(2), to: .publishing,
                atMilliseconds: 8_000)
            #expect(try await leader.apply(publishing)?.state == .publishing)
            var end = AttemptEnd(outcome: Outcome(exitCode: 0), tests: Self.results(.passed))
            end.leftHostMilliseconds = 8_000
            let passed = BuildChange(
                build: "b1", from: [.testing, .publishing], owner: Samples.token(2), to: .passed,
                atMilliseconds: 9_999, end: end, image: moved)
            let build = try #require(try await leader.apply(passed))
            #expect(build.state == .passed && build.image == moved)
            #expect(try await leader.apply(passed) == build, "repeated")
            #expect(try await store.attempts(ofBuild: "b1").map(\.stage) == [.build, .test])
            let rows = try await store.buildLog(guestOSID: nil, limit: 5)
            #expect(rows.map(\.getURL) == [moved.url], "one row, with the new place")
            #expect(rows.map(\.builtMilliseconds) == [5000])
            let records = try await store.testRecords(ofBuild: "b1")
            #expect(records.map(\.result) == Self.results(.passed))
            #expect(records.map(\.caseID) == ["case-1", nil])
            #expect(records.allSatisfy { $0.attempt == Samples.token(2) && $0.build == "b1" })
            #expect(records.map(\.imageName) == ["image.qcow2", "image.qcow2"])
            #expect(records.map(\.testedMilliseconds) == [9_000, 9_000])
            let built = try await store.recentDurations(
                guestOS: "ubuntu1604", stage: .build, limit: 3)
            #expect(built == [StageDuration(seconds: 3, host: "kvm1")])
            let tested = try await store.recentDurations(
                guestOS: "ubuntu1604", stage: .test, limit: 3)
            #expect(tested == [StageDuration(hostSeconds: 2, seconds: 3, host: "kvm1")])
            let attempt = try await store.attempt(Samples.token(2))
            #expect(attempt?.leftHostMilliseconds == 8_000)
        }
    }

    @Test("A test stage that fails withdraws the image", arguments: StoreKind.allCases)
    func failedTests(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            _ = try await toTesting(store, leader)
            let fault = Fault(.template, .testFailed, "own failed")
            let failed = BuildChange(
                build: "b1", from: [.testing], owner: Samples.token(2), to: .failed,
                atMilliseconds: 9_000,
                end: AttemptEnd(outcome: Outcome(fault: fault), tests: Self.results(.failed)),
                fault: fault, withdrawsImage: true)
            let build = try #require(try await leader.apply(failed))
            #expect(build.image == nil && build.fault == fault)
            #expect(try await store.build(id: "b1") == build)
            #expect(try await store.buildLog(guestOSID: nil, limit: 5).map(\.getURL) == [""])
            #expect(
                try await store.testRecords(ofBuild: "b1").map(\.result.result)
                    == [.passed, .failed])
        }
    }

    @Test("A host fault in the test stage records no verdict", arguments: StoreKind.allCases)
    func hostFaultHasNoVerdict(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let testing = try await toTesting(store, leader)
            let retry = BuildChange(
                build: "b1", from: [.testing], owner: Samples.token(2), to: .queued,
                atMilliseconds: 9_000,
                end: AttemptEnd(
                    outcome: Outcome(fault: Samples.fault), tests: Self.results(.error)),
                notBeforeMilliseconds: 9_500, fault: Samples.fault)
            let build = try #require(try await leader.apply(retry))
            #expect(build.stage == .test && build.image == testing.image)
            #expect(try await store.testRecords(ofBuild: "b1").isEmpty)
        }
    }

    /// A row of the original AIBuild, with the values of its reporters.
    @Test("Rows that old jobs reported are read", arguments: StoreKind.databases)
    func historicRows(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            await (try SQLStore.open(location)).close()
            let database = try await SQLDatabase.open(location)
            try await database.execute(
                "INSERT INTO testcases (id, name, os_type) VALUES ('c', 'ssh', 'Linux')")
            try await database.execute(
                "INSERT INTO test_log (id, build_id, case_id, result, test_at) "
                    + "VALUES ('t', 'b0', 'c', 'success', '2018-11-28 09:05:00')")
            await database.close()
            let store = try await SQLStore.open(location)
            #expect(
                try await store.testCases(.linux) == [
                    TestCase(id: "c", name: "ssh", osType: .linux)
                ]
            )
            let record = try #require(try await store.testRecords(ofBuild: "b0").first)
            #expect(record.result.name == "ssh" && record.result.result == .passed)
            #expect(record.attempt == nil && record.testedMilliseconds == 1_543_395_900_000)
            await store.close()
        }
    }
}
