import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// A change and its rows of the audit log: both, or neither.
@Suite(.timeLimit(.minutes(3))) struct RecordedWriteTests {
    private static func entries(_ action: String) -> [AuditEntry] {
        ["first", "second"].map { subject in
            AuditEntry(
                atMilliseconds: 7, actor: "anna", action: action, subject: subject, detail: "ü → 安",
                origin: AuditOrigin(address: "10.0.0.7", way: "token 3f", request: "r1"))
        }
    }

    /// Several transactions, which store no row.
    private static let writes = DeposedTests.writes.filter { $0.name != "change the key" }

    @Test(
        "Every write of a leader stores the rows that it was given", arguments: StoreKind.allCases)
    func stored(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await DeposedTests.fill(leader)
            for (name, write) in Self.writes {
                // One that is pinned is not pruned.
                if name == "begin a prune" {
                    _ = try await leader.setPinned(false, build: "ended")
                }
                try await write(leader.recording(Self.entries(name)))
                let rows = try await store.audit(AuditFilter(action: name), limit: 9)
                #expect(rows.reversed().map(\.unnumbered) == Self.entries(name), "\(name)")
            }
            _ = try await leader.recording(Self.entries("key")).rotateKey(isNew: true)
            #expect(try await store.audit(AuditFilter(action: "key"), limit: 9).isEmpty)
        }
    }

    @Test("A write that finds nothing to change stores no row", arguments: StoreKind.allCases)
    func nothingToChange(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await DeposedTests.fill(leader)
            let recording = leader.recording(Self.entries("none"))
            let known = try await recording.enqueue(Samples.build("b1"))
            #expect(known.number == 1)
            let refused = ReleaseChange(
                release: "r1", from: [.running], to: .failed, atMilliseconds: 1)
            #expect(try await recording.apply(refused) == nil)
            #expect(try await recording.apply(Samples.pass("b1", 1, at: 1)) == nil)
            for id in ["ended", "none"] {
                #expect(try await recording.requestCancel(build: id) == nil)
            }
            #expect(try await recording.requestCancel(release: "none") == nil)
            #expect(try await recording.setPinned(true, build: "none") == nil)
            #expect(try await recording.beginPrune(build: "b1", atMilliseconds: 1) == nil)
            #expect(try await recording.save(TriggerState(guestOSID: "none")) == nil)
            await #expect(throws: StoreError.self) { try await recording.removeHost("none") }
            await #expect(throws: StoreError.self) {
                try await recording.add(Samples.guestOS("ubuntu1604", id: "other"))
            }
            #expect(try await store.audit(limit: 9).isEmpty)
        }
    }

    @Test("A submission's row has the number that the build gets", arguments: StoreKind.allCases)
    func numbered(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await DeposedTests.fill(leader)
            let entry = AuditEntry(
                atMilliseconds: 1, actor: "anna", action: "build.submit", subject: "late")
            _ = try await leader.recording(entry).enqueue(Samples.build("late"))
            #expect(try await store.audit(limit: 9).map(\.subject) == ["ubuntu1604:3"])
        }
    }

    @Test("No change is made whose row cannot be stored", arguments: StoreKind.databases)
    func rowRefused(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let keys = SealingKeys(SecretKey())
            let filled = try await SQLStore.open(location, keys: keys)
            try await DeposedTests.fill(filled.leader())
            await filled.close()
            let database = try await SQLDatabase.open(location)
            switch kind {
            case .mariadb:
                try await database.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON audit FOR EACH ROW "
                        + "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit log is full'")
            default:
                try await database.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON audit "
                        + "BEGIN SELECT RAISE(ABORT, 'the audit log is full'); END")
            }
            await database.close()
            let store = try await SQLStore.open(location, keys: keys)
            let leader = try await store.leader()
            let before = try await DeposedTests.contents(store)
            for (name, write) in Self.writes {
                await #expect(throws: StoreError.self, "\(name)") {
                    try await write(leader.recording(Self.entries(name)))
                }
            }
            let code = SignInCode(
                digest: "c", principal: "anna", createdMilliseconds: 1, expiresMilliseconds: 2)
            await #expect(throws: StoreError.self) {
                try await store.add(code, recording: Self.entries("code")[0])
            }
            #expect(try await store.takeCode(digest: "c") == nil)
            #expect(try await DeposedTests.contents(store) == before)
            await store.close()
        }
    }
}
