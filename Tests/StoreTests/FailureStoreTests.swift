import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import TestSupport
import Testing

/// Failed attempts are stored with their fingerprints.
@Suite("Stored failures", .timeLimit(.minutes(3))) struct FailureStoreTests {
    private static func fault(_ reason: String) -> Fault {
        Fault(.template, .packerFailed, reason)
    }

    private func fail(
        _ leader: any LeaderStore, _ build: String, _ number: UInt64, _ fault: Fault,
        on host: String = "kvm1", at time: Int64, to state: BuildState = .failed, ordinal: Int = 1
    ) async throws {
        _ = try #require(
            try await leader.apply(
                Samples.claim(build, number, ordinal: ordinal, host: host, at: time - 1)))
        var change = Samples.fail(build, number, to: state, at: time)
        change.end = AttemptEnd(outcome: Outcome(fault: fault))
        change.fault = fault
        _ = try #require(try await leader.apply(change))
        #expect(try await leader.apply(change) != nil, "repeated")
    }

    @Test("Each failed attempt is found by its first error", arguments: StoreKind.allCases)
    func failures(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for name in ["ubuntu1604", "arch"] { try await leader.add(Samples.guestOS(name)) }
            for id in ["a", "b", "c", "d"] { _ = try await leader.enqueue(Samples.build(id)) }
            _ = try await leader.enqueue(Samples.build("e", of: "arch"))
            let reason = "provisioner 2 (安全.sh) failed: E: no foo-1 (line 9 of the log)"
            try await fail(leader, "a", 1, Self.fault(reason), at: 10_000)
            // A host is lost, and the retry meets the same error.
            try await fail(leader, "b", 2, Samples.fault, on: "kvm2", at: 11_000, to: .queued)
            try await fail(
                leader, "b", 3, Self.fault("E: no foo-22"), on: "kvm7", at: 12_000, ordinal: 2)
            try await fail(leader, "e", 5, Self.fault("E: no foo-3"), on: "kvm7", at: 14_000)
            try await leader.run("c", 4, from: 12_500, to: 13_000)
            try await fail(
                leader, "d", 6, Fault(.cancelled, .cancelled, "cancelled"), at: 15_000,
                to: .cancelled)

            let all = try await store.failures(FailureFilter(), limit: 9)
            #expect(all.map(\.build) == ["e", "b", "b", "a"], "newest first, none of c and d")
            #expect(try await store.failures(FailureFilter(), limit: 2).count == 2)
            let known = try #require(all.last)
            #expect(known.attempt == Samples.token(1) && known.host == "kvm1" && known.number == 1)
            #expect(known.fingerprint.text == "E: no foo-#")
            #expect(known.fingerprint.step == "provisioner 2 (安全.sh)")
            #expect(known.baseImage == "base.qcow2" && known.commit == "0123abcd")
            #expect(known.atMilliseconds == 10_000 && known.guestOS == "ubuntu1604")

            let like = FailureFilter(fingerprint: known.fingerprint.id)
            let alike = try await store.failures(like, limit: 9)
            #expect(alike.map(\.host) == ["kvm7", "kvm7", "kvm1"])
            #expect(FailureGroup(alike)?.hosts.map(\.count) == [2, 1])
            var filter = like
            filter.sinceMilliseconds = 12_000
            #expect(try await store.failures(filter, limit: 9).count == 2)
            filter.guestOS = "arch"
            #expect(try await store.failures(filter, limit: 9).map(\.build) == ["e"])
            #expect(try await store.failures(FailureFilter(build: "b"), limit: 9).count == 2)
        }
    }

    @Test("Failures go with the rows of their builds", arguments: StoreKind.allCases)
    func retention(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            for (id, number) in [("a", UInt64(1)), ("b", 2)] {
                _ = try await leader.enqueue(Samples.build(id, at: Int64(number)))
                try await fail(leader, id, number, Self.fault("no disk"), at: 3_000)
            }
            _ = try await leader.beginPrune(build: "a", atMilliseconds: 9)
            try await leader.endPrune(build: "a")
            #expect(try await leader.removeHistory(before: 4_000, limit: 9) == 1)
            #expect(try await store.failures(FailureFilter(), limit: 9).map(\.build) == ["b"])
        }
    }

    private static let queries = [
        "failures_like": "SELECT attempt FROM failures WHERE fingerprint = 'f1' AND at_ms >= 5 "
            + "ORDER BY at_ms DESC, attempt DESC LIMIT 10",
        "failures_time": "SELECT attempt, text FROM failures WHERE at_ms >= 5 "
            + "ORDER BY at_ms DESC, attempt DESC LIMIT 10",
    ]

    @Test("Failures are read in order from an index", arguments: StoreKind.databases)
    func indexes(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            await (try SQLStore.open(location)).close()
            let database = try await SQLDatabase.open(location)
            for index in 0..<300 {
                try await database.execute(
                    "INSERT INTO failures (attempt, build, guestos, number, host, fingerprint, "
                        + "text, at_ms) VALUES ('a\(index)', 'b\(index)', 'g', 1, 'h', "
                        + "'f\(index % 50)', 't', \(index))")
            }
            for (index, sql) in Self.queries {
                switch database.dialect {
                case .sqlite:
                    let plan = try await database.query("EXPLAIN QUERY PLAN " + sql)
                    let words = try plan.map { try $0.text("detail") }.joined(separator: "; ")
                    #expect(words.contains(index) && !words.contains("TEMP B-TREE"), "\(words)")
                case .mariadb:
                    try await database.execute("ANALYZE TABLE failures")
                    let plan = try await database.query("EXPLAIN " + sql)
                    #expect(try plan.first?.textOrNil("key") == index, "\(plan)")
                    let extra = try plan.first?.textOrNil("Extra") ?? ""
                    #expect(!extra.contains("filesort"), "it sorts: \(extra)")
                }
            }
            await database.close()
        }
    }
}
