import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// Both historic variants, with readers of either, and reports of old jobs.
@Suite(.timeLimit(.minutes(3))) struct HistoricStoreTests {
    @Test("Reports of old jobs are kept, each once", arguments: StoreKind.allCases)
    func reportsAreKept(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let entry = BuildLogEntry(
                id: "b1", imageName: "u_1.qcow2", guestOSName: "ubuntu1604",
                builtMilliseconds: 1000, updateContents: "更新", getURL: "http://old/1")
            var expected = entry
            expected.guestOSID = "id-ubuntu1604"
            #expect(try await leader.record(entry) == expected)
            let unknown = BuildLogEntry(
                id: "b2", imageName: "v.qcow2", guestOSName: "none", builtMilliseconds: nil,
                updateContents: nil, getURL: nil)
            #expect(try await leader.record(unknown) == unknown)
            var again = entry
            again.id = "b3"
            again.getURL = "http://elsewhere/1"
            #expect(try await leader.record(again) == expected, "the row of an image is kept")
            #expect(try await store.buildLog(imageName: "u_1.qcow2", limit: 9) == [expected])
            #expect(try await store.buildLog(imageName: "v.qcow2", limit: 9) == [unknown])
            try await leader.record(
                HistoricTest(
                    id: "t1", imageName: "u_1.qcow2", caseName: "boot", result: "ok",
                    testedMilliseconds: 2000))
            try await leader.record(
                HistoricRelease(
                    id: "r1", environment: "prod", glanceID: "42", releasedMilliseconds: 3000))
        }
    }

    @Test("Names are found as the original's tables compared them", arguments: StoreKind.allCases)
    func namesAreFound(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("centos75"))
            try await leader.add(Samples.guestOS("debian9"))
            for name in ["centos75", "CentOS75", "CENTOS75  "] {
                #expect(try await store.historicName(like: name, in: .guestOSes) == "centos75")
                let entry = BuildLogEntry(
                    id: name, imageName: "i-\(name)", guestOSName: name, builtMilliseconds: 1,
                    updateContents: nil, getURL: nil)
                #expect(try await leader.record(entry).guestOSID == "id-centos75")
            }
            #expect(try await store.historicName(like: " centos75", in: .guestOSes) == nil)
            #expect(try await store.historicName(like: "centos", in: .guestOSes) == nil)
            #expect(try await store.historicName(like: "I-CENTOS75", in: .images) != nil)
            #expect(try await store.historicName(like: "prod", in: .environments) == nil)
        }
    }

    /// The queries of both variants find rows of this aibuild and of old jobs.
    @Test(
        "Queries of both historic variants find new rows",
        arguments: StoreKind.databases, [true, false])
    func oldReadersFindNewRows(_ kind: StoreKind, byName: Bool) async throws {
        try await kind.withLocation { location in
            if byName {
                let old = try await SQLDatabase.open(location)
                for sql in HistoricDump.byName { try await old.execute(sql) }
                await old.close()
            }
            let store = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            let leader = try await store.leader()
            if !byName { try await leader.add(Samples.guestOS("ubuntu1604", id: "g1")) }
            _ = try await leader.enqueue(
                NewBuild(
                    id: "new", guestOSID: "g1", guestOS: "ubuntu1604", priority: 0, owner: "o",
                    plan: Samples.plan(), updateContents: "", submittedMilliseconds: 1))
            try await leader.run("new", 1, from: 1_700_000_000_000, to: 1_700_000_060_000)
            try await leader.record(
                HistoricTest(
                    id: "t9", imageName: "new.qcow2", caseName: "boot", result: "ok",
                    testedMilliseconds: 2000))
            await store.close()

            let database = try await SQLDatabase.open(location)
            for question in [
                "SELECT image_name FROM build_log WHERE os_id = 'g1' AND id = 'new'",
                "SELECT image_name FROM build_log WHERE os_name = 'ubuntu1604' AND id = 'new'",
                "SELECT image_name FROM test_log WHERE build_id = 'new' AND id = 't9'",
                "SELECT image_name FROM test_log WHERE image_name = 'new.qcow2' AND id = 't9'",
            ] {
                let rows = try await database.query(question)
                #expect(try rows.first?.text("image_name") == "new.qcow2", "\(question)")
            }
            if byName {
                let test = try await database.query("SELECT * FROM test_log WHERE id = 't9'").first
                #expect(try test?.text("case_id") == "c1")
            }
            await database.close()
        }
    }

    @Test("An inspection reports the schema and changes nothing", arguments: StoreKind.databases)
    func inspectionChangesNothing(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let empty = try await SQLStore.inspect(location)
            #expect(empty.origin == .empty && empty.version == 0 && empty.rows.isEmpty)
            let old = try await SQLDatabase.open(location)
            for sql in HistoricDump.byName { try await old.execute(sql) }
            await old.close()
            for _ in 1...2 {
                let report = try await SQLStore.inspect(location)
                #expect(report.origin == .byName && report.version == 0)
                #expect(report.rows.map(\.count) == [4, 2, 1, 1, 1, 1])
                #expect(report.doubles == ["guestos 'win10'"])
                #expect(report.clearPasswords == 1)
            }
            await (try SQLStore.open(location, keys: SealingKeys(SecretKey()))).close()
            let after = try await SQLStore.inspect(location)
            #expect(after.origin == .aibuild && after.version == after.newestVersion)
            #expect(after.rows.map(\.count) == [4, 2, 1, 1, 1, 1])
            #expect(after.doubles.isEmpty && after.clearPasswords == 0)
        }
    }
}
