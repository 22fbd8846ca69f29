import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import TestSupport
import Testing

/// Rows that the retention policy removes from the tables that grow with each build and release.
@Suite(.timeLimit(.minutes(3))) struct HistoryTests {
    private static func release(
        _ id: String, of build: String, _ state: ReleaseState, at time: Int64
    ) -> Release {
        var release = Release(
            id: id, build: Build(Samples.build(build), number: 1), environment: "lab",
            requestedBy: "admin", createdMilliseconds: time)
        release.state = state
        return release
    }

    /// The rows of builds, attempts, releases and `build_log` that a reader finds.
    private func left(_ store: any Store) async throws -> [String] {
        var left = try await store.builds(BuildFilter(), limit: 99).map(\.id)
        for number in [UInt64(1), 2] {
            let token = Samples.token(number)
            #expect(
                try await (store.attempt(token) == nil) == store.artifacts(of: token).isEmpty)
            if try await store.attempt(token) != nil { left.append("attempt \(number)") }
        }
        left += try await store.buildLog(guestOSID: nil, limit: 99).map { "log \($0.id)" }
        left += try await store.releases(ReleaseFilter(), limit: 999).map(\.id)
        return left.sorted()
    }

    @Test(
        "The rows of a pruned build go once no release is about it, and the others stay",
        arguments: StoreKind.allCases)
    func builds(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for (id, number) in [("b1", UInt64(1)), ("b2", 2)] {
                _ = try await leader.enqueue(Samples.build(id, at: Int64(number)))
                try await leader.run(id, number, from: 2000, to: 3000)
            }
            _ = try await leader.enqueue(Samples.build("waits", at: 1))
            try await leader.add(Self.release("r1", of: "b2", .failed, at: 4000))
            let all = ["attempt 1", "attempt 2", "b1", "b2", "log b1", "log b2", "r1", "waits"]
            #expect(try await leader.removeHistory(before: 4000, limit: 9) == 0, "not pruned")
            for id in ["b1", "b2"] {
                _ = try await leader.beginPrune(build: id, atMilliseconds: 9)
            }
            #expect(try await leader.removeHistory(before: 4000, limit: 9) == 0, "half pruned")
            for id in ["b1", "b2"] { try await leader.endPrune(build: id) }
            #expect(try await leader.removeHistory(before: 3000, limit: 9) == 0, "too new")
            #expect(try await left(store) == all)
            #expect(try await leader.removeHistory(before: 4000, limit: 9) == 1)
            let second = ["attempt 2", "b2", "log b2", "r1", "waits"]
            #expect(try await left(store) == second, "b2 has a release")
            #expect(try await leader.removeHistory(before: 4001, limit: 9) == 1)
            #expect(try await left(store) == ["waits"])
            let next = try await leader.enqueue(Samples.build("next"))
            #expect(next.number == 4, "numbers are not given out again")
        }
    }

    @Test(
        "The newest releases of a guest OS in an environment stay, however old",
        arguments: StoreKind.allCases)
    func releases(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let kept = HistoryRules.keptReleases
            for number in 1...kept + 3 {
                try await leader.add(
                    Self.release("r\(number)", of: "b", .released, at: Int64(number)))
            }
            try await leader.add(Self.release("undone", of: "b", .rolledBack, at: 999))
            try await leader.add(Self.release("waits", of: "b", .queued, at: 1))
            for count in [2, 2, 0] {
                #expect(try await leader.removeHistory(before: 1000, limit: 2) == count)
            }
            let ids = try await store.releases(ReleaseFilter(), limit: 999).map(\.id)
            #expect(ids.count == kept + 1 && !ids.contains("undone"))
            #expect(ids.contains("r4") && !ids.contains("r3"))
        }
    }

    @Test(
        "Rows that other systems reported are removed with the images that they are about",
        arguments: StoreKind.allCases)
    func reports(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for (name, time) in [("old", Int64(1_000_000)), ("new", 9_000_000)] {
                _ = try await leader.record(
                    BuildLogEntry(
                        id: name, imageName: name + ".qcow2", guestOSID: nil, guestOSName: nil,
                        builtMilliseconds: time, updateContents: nil, getURL: nil))
                try await leader.record(
                    HistoricTest(
                        id: "t-" + name, imageName: name + ".qcow2", caseName: "boot",
                        result: "ok", testedMilliseconds: time))
                try await leader.record(
                    HistoricRelease(
                        id: "r-" + name, environment: "lab", glanceID: "42",
                        releasedMilliseconds: time))
            }
            #expect(try await leader.removeHistory(before: 5_000_000, limit: 9) == 1)
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).map(\.id) == ["new"])
            #expect(try await leader.removeHistory(before: 5_000_000, limit: 9) == 0)
            guard let database = store as? SQLStore else { return }
            let meter = FarmStorageMeter(webRoot: "", logs: "", templates: "", store: database)
            for data in GrowingData.all
            where ["build_log", "test_log", "release_log"].contains(data.id) {
                #expect(try await meter.measure(data).items == 1, "\(data.id)")
            }
        }
    }
}
