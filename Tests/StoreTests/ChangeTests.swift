import BuildProtocol
import CoordinatorCore
import TestSupport
import Testing

/// Compare-and-set: tokens fence, states are checked, all or nothing.
@Suite(.timeLimit(.minutes(3))) struct ChangeTests {
    private func with(
        _ kind: StoreKind, _ body: (any Store & LeaseStore, any LeaderStore) async throws -> Void
    ) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            _ = try await leader.enqueue(Samples.build("b1"))
            try await body(store, leader)
        }
    }

    @Test("A build is claimed once", arguments: StoreKind.allCases)
    func claimOnce(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            let claimed = try #require(try await leader.apply(Samples.claim("b1", 1, at: 2000)))
            #expect(claimed.state == .building)
            #expect(claimed.attempt == Samples.token(1))
            #expect(claimed.host == "kvm1")
            #expect(claimed.attemptCount == 1)
            #expect(claimed.startedMilliseconds == 2000)
            #expect(try await store.build(id: "b1") == claimed)
            #expect(try await leader.apply(Samples.claim("b1", 2, host: "kvm2")) == nil)
            #expect(try await store.build(id: "b1") == claimed)
            #expect(try await store.attempt(Samples.token(2)) == nil)
            #expect(try await leader.apply(Samples.claim("none", 3)) == nil)
            let attempt = try #require(try await store.attempt(Samples.token(1)))
            #expect(
                attempt
                    == Attempt(
                        token: Samples.token(1), build: "b1", ordinal: 1, host: "kvm1",
                        startedMilliseconds: 2000))
        }
    }

    @Test("An attempt keeps the variables of its host", arguments: StoreKind.allCases)
    func hostVariables(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            var claim = Samples.claim("b1", 1)
            claim.begin?.hostVariables = ["mirror": "http://ü"]
            _ = try #require(try await leader.apply(claim))
            #expect(try await store.attempt(Samples.token(1)) == claim.begin)
            #expect(try await store.attempts(ofBuild: "b1") == [try #require(claim.begin)])
        }
    }

    @Test("Concurrent claimers get each build once", arguments: StoreKind.allCases)
    func concurrentClaims(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            for index in 2...12 { _ = try await leader.enqueue(Samples.build("b\(index)")) }
            let won = try await withThrowingTaskGroup(of: [String].self) { group in
                for claimer in 1...8 {
                    group.addTask {
                        var mine: [String] = []
                        for index in 1...12 {
                            let number = UInt64(claimer * 100 + index)
                            let build = try await leader.apply(Samples.claim("b\(index)", number))
                            if let build {
                                #expect(build.attempt == Samples.token(number))
                                mine.append(build.id)
                            }
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(won.sorted() == (1...12).map { "b\($0)" }.sorted())
            for index in 1...12 {
                #expect(try await store.attempts(ofBuild: "b\(index)").count == 1)
            }
        }
    }

    @Test("A stale token changes nothing", arguments: StoreKind.allCases)
    func staleToken(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            _ = try await leader.apply(Samples.claim("b1", 1))
            _ = try await leader.apply(Samples.fail("b1", 1, to: .queued, at: 3000))
            _ = try await leader.apply(Samples.claim("b1", 2, ordinal: 2))
            let before = try #require(try await store.build(id: "b1"))
            let stale = [
                Samples.pass("b1", 1, at: 4000), Samples.fail("b1", 1, to: .failed, at: 4000),
                BuildChange(
                    build: "b1", from: [.building], owner: Samples.token(1), to: .collecting,
                    atMilliseconds: 4000),
                // An attempt cannot change a build that another owns by naming none.
                BuildChange(
                    build: "b1", from: [.queued, .building], owner: nil, to: .cancelled,
                    atMilliseconds: 4000),
            ]
            for change in stale { #expect(try await leader.apply(change) == nil) }
            #expect(try await store.build(id: "b1") == before)
            #expect(try await store.artifacts(of: Samples.token(1)).isEmpty)
            #expect(try await store.buildLog(guestOSID: nil, limit: 5).isEmpty)
        }
    }

    @Test("A pass records attempt, artifacts, image and build log", arguments: StoreKind.allCases)
    func passRecordsEverything(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            let time: Int64 = 1_543_395_900_777  // 2018-11-28 09:05:00.777 UTC
            _ = try await leader.apply(Samples.claim("b1", 1, at: 2000))
            for state in [BuildState.collecting, .publishing] {
                let change = BuildChange(
                    build: "b1", from: [.building, .collecting, .publishing],
                    owner: Samples.token(1), to: state, atMilliseconds: 2500)
                #expect(try await leader.apply(change)?.state == state)
                #expect(try await leader.apply(change)?.state == state, "again after a restart")
            }
            let passed = try #require(try await leader.apply(Samples.pass("b1", 1, at: time)))
            #expect(passed.state == .passed)
            #expect(passed.endedMilliseconds == time)
            #expect(passed.image == Samples.published("image.qcow2"))
            #expect(passed.fault == nil)
            #expect(try await store.build(id: "b1") == passed)
            #expect(try await store.allLiveBuilds().isEmpty)
            let attempt = try #require(try await store.attempt(Samples.token(1)))
            #expect(attempt.outcome == Outcome(exitCode: 0))
            #expect(attempt.endedMilliseconds == time)
            #expect(attempt.logBytes == 1 << 33)
            #expect(attempt.logSHA256 == "log-digest")
            #expect(attempt.accelerator == .tcg)
            #expect(try await store.artifacts(of: Samples.token(1)) == Samples.recorded)
            let entry = BuildLogEntry(
                id: "b1", imageName: "image.qcow2", guestOSID: "id-ubuntu1604",
                guestOSName: "ubuntu1604", builtMilliseconds: 1_543_395_900_000,
                updateContents: "security updates, 安全更新", getURL: "http://web/image.qcow2")
            #expect(try await store.buildLog(guestOSID: "id-ubuntu1604", limit: 5) == [entry])
            #expect(try await store.buildLog(guestOSID: nil, limit: 5) == [entry])
            #expect(try await store.buildLog(guestOSID: "other", limit: 5).isEmpty)
        }
    }

    @Test("A retry keeps the attempts before it", arguments: StoreKind.allCases)
    func retryKeepsHistory(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            _ = try await leader.apply(Samples.claim("b1", 1, at: 2000))
            let waiting = try #require(
                try await leader.apply(
                    Samples.fail("b1", 1, to: .queued, at: 3000, notBefore: 13_000)))
            #expect(waiting.state == .queued)
            #expect(waiting.notBeforeMilliseconds == 13_000)
            #expect(waiting.fault == Samples.fault)
            #expect(waiting.endedMilliseconds == nil)
            let second = try #require(
                try await leader.apply(
                    Samples.claim("b1", 2, ordinal: 2, host: "kvm2", at: 14_000)))
            #expect(second.attemptCount == 2)
            #expect(second.host == "kvm2")
            #expect(second.startedMilliseconds == 2000, "of the first attempt")
            let failed = try #require(
                try await leader.apply(Samples.fail("b1", 2, to: .failed, at: 15_000)))
            #expect(failed.endedMilliseconds == 15_000)
            #expect(failed.fault == Samples.fault)
            let attempts = try await store.attempts(ofBuild: "b1")
            #expect(attempts.map(\.ordinal) == [1, 2])
            #expect(attempts.map(\.host) == ["kvm1", "kvm2"])
            #expect(attempts.map(\.endedMilliseconds) == [3000, 15_000])
            #expect(attempts.map(\.outcome?.fault) == [Samples.fault, Samples.fault])
        }
    }

    /// A caller whose first response was lost asks again, and must not conclude that it lost the
    /// build.
    @Test("A repeated change takes effect once", arguments: StoreKind.allCases)
    func repeatedChange(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            let changes = [
                Samples.claim("b1", 1), Samples.fail("b1", 1, to: .queued, at: 3000),
                Samples.claim("b1", 2, ordinal: 2),
                BuildChange(
                    build: "b1", from: [.building], owner: Samples.token(2), to: .collecting,
                    atMilliseconds: 3500),
                BuildChange(
                    build: "b1", from: [.collecting], owner: Samples.token(2), to: .publishing,
                    atMilliseconds: 3600), Samples.pass("b1", 2, at: 4000),
            ]
            for change in changes {
                let first = try #require(try await leader.apply(change))
                #expect(try await leader.apply(change) == first)
            }
            #expect(try await store.attempts(ofBuild: "b1").count == 2)
            #expect(try await store.artifacts(of: Samples.token(2)).count == 2)
            #expect(try await store.buildLog(guestOSID: nil, limit: 5).count == 1)
            for change in changes.dropLast() { #expect(try await leader.apply(change) == nil) }
        }
    }

    @Test("An ended build cannot be changed", arguments: StoreKind.allCases)
    func buildEndsOnce(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            try await leader.run("b1", 1, from: 2000, to: 3000)
            let ended = try #require(try await store.build(id: "b1"))
            for state in BuildState.allCases {
                let change = BuildChange(
                    build: "b1", from: Set(BuildState.allCases).subtracting([.passed]),
                    owner: nil, to: state, atMilliseconds: 9000)
                #expect(try await leader.apply(change) == nil)
            }
            #expect(try await leader.requestCancel(build: "b1") == nil)
            #expect(try await store.build(id: "b1") == ended)
        }
    }

    @Test("A cancel request is kept through attempts", arguments: StoreKind.allCases)
    func cancelRequestIsKept(_ kind: StoreKind) async throws {
        try await with(kind) { store, leader in
            let wished = try #require(try await leader.requestCancel(build: "b1"))
            #expect(wished.cancelRequested)
            #expect(wished.state == .queued)
            let claimed = try #require(try await leader.apply(Samples.claim("b1", 1)))
            #expect(claimed.cancelRequested)
            #expect(try await leader.requestCancel(build: "none") == nil)
            _ = try await leader.apply(Samples.fail("b1", 1, to: .queued, at: 3000))
            let cancelled = BuildChange(
                build: "b1", from: [.queued], owner: nil, to: .cancelled, atMilliseconds: 4000,
                fault: Fault(.cancelled, .cancelled, "by admin"))
            let ended = try #require(try await leader.apply(cancelled))
            #expect(ended.state == .cancelled)
            #expect(ended.fault?.code == .cancelled)
            #expect(ended.endedMilliseconds == 4000)
        }
    }
}
