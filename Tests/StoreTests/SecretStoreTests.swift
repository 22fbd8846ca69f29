@testable import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// The secrets that the coordinator keeps for builds, and the keys that seal them.
@Suite("Secrets in the store", .timeLimit(.minutes(3)))
struct SecretStoreTests {
    private static func secret(_ name: String, _ guestOSes: [String] = ["*"]) -> FarmSecret {
        FarmSecret(
            name: name, guestOSes: guestOSes, createdMilliseconds: 1, changedMilliseconds: 2,
            changedBy: "anna")
    }

    @Test("A secret is added, changed and removed", arguments: StoreKind.allCases)
    func changes(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            #expect(try await store.secrets().isEmpty)
            await #expect(throws: StoreError.self) {
                try await leader.put(Self.secret("cloud"), value: nil)
            }
            try await leader.put(Self.secret("cloud"), value: Secret("hunter22"))
            try await leader.put(Self.secret("a"), value: Secret("hunter23"))
            #expect(try await store.secrets().map(\.name) == ["a", "cloud"])
            #expect(try await store.value(ofSecret: "cloud")?.reveal == "hunter22")

            var changed = Self.secret("cloud", ["debian*", "x"])
            (changed.createdMilliseconds, changed.changedMilliseconds) = (7, 8)
            changed.changedBy = "bert"
            changed.environments = ["lab", "prod-*"]
            try await leader.put(changed, value: nil)
            changed.createdMilliseconds = 1
            #expect(try await store.secret(named: "cloud") == changed)
            #expect(try await store.value(ofSecret: "cloud")?.reveal == "hunter22")
            try await leader.put(changed, value: Secret("hunter24\nline\n"))
            #expect(try await store.value(ofSecret: "cloud")?.reveal == "hunter24\nline\n")

            try await leader.removeSecret(named: "cloud")
            #expect(try await store.secret(named: "cloud") == nil)
            #expect(try await store.value(ofSecret: "cloud") == nil)
            let error = await #expect(throws: StoreError.self) {
                try await leader.removeSecret(named: "cloud")
            }
            #expect(error?.code == .notFound)
            _ = try await leader.rotateKey(isNew: true)
            #expect(try await store.value(ofSecret: "a")?.reveal == "hunter23")
        }
    }

    private static func sealed(_ location: SQLLocation) async throws -> [String] {
        let database = try await SQLDatabase.open(location)
        let rows = try await database.query("SELECT sealed FROM secrets ORDER BY name")
        let environments = try await database.query("SELECT secret AS sealed FROM envs")
        await database.close()
        return try (rows + environments).map { try $0.text("sealed") }
    }

    @Test("A value is sealed for its name", arguments: StoreKind.databases)
    func isSealed(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let keys = SealingKeys(SecretKey())
            let first = try await SQLStore.open(location, keys: keys)
            let leader = try await first.leader()
            for name in ["a", "b"] {
                try await leader.put(Self.secret(name), value: Secret("hunter22"))
            }
            await first.close()
            let sealed = try await Self.sealed(location)
            #expect(sealed.count == 2 && sealed.allSatisfy { !$0.contains("hunter") })
            // A row that was copied over another does not open.
            let database = try await SQLDatabase.open(location)
            try await database.execute(
                "UPDATE secrets SET sealed = ? WHERE name = 'b'", [.text(sealed[0])])
            await database.close()
            let store = try await SQLStore.open(location, keys: keys)
            await #expect(throws: StoreError.self) { _ = try await store.value(ofSecret: "b") }
            #expect(try await store.value(ofSecret: "a")?.reveal == "hunter22")
            await store.close()
        }
    }

    private static let lab = ReleaseEnvironment(
        id: "env", name: "lab", settings: .registry(RegistrySettings(url: "https://r")),
        createdMilliseconds: 1)

    /// More than fit a page.
    private static let names = (0..<60).map { "s\($0)" }

    private static func fill(_ leader: any LeaderStore) async throws {
        for name in names {
            try await leader.put(secret(name), value: Secret("value of \(name)"))
        }
        try await leader.add(lab, secret: Secret("password"))
    }

    private static func check(_ store: SQLStore) async throws {
        for name in names {
            #expect(try await store.value(ofSecret: name)?.reveal == "value of \(name)")
        }
        #expect(try await store.secret(ofEnvironment: "lab")?.reveal == "password")
    }

    @Test("A new key seals everything, for all coordinators, and the old one is gone")
    func rotation() async throws {
        try await StoreKind.mariadb.withLocation { location in
            let folder = try TemporaryFolder()
            let file = folder.path + "/secret.key"
            let store = try await SQLStore.open(location, keys: SealingKeys(file: file))
            // Another coordinator, which read the file before.
            let standby = try await SQLStore.open(location, keys: SealingKeys(file: file))
            let leader = try await store.leader()
            try await Self.fill(leader)
            let old = try Files.read(file, limitBytes: 4096)
            let before = try await Self.sealed(location)

            let rotation = try await leader.rotateKey(isNew: true)
            #expect(rotation == KeyRotation(resealed: 61))
            let new = try Files.read(file, limitBytes: 4096)
            #expect(new.count == old.count && new != old)
            #expect(Files.mode(file).map { $0 & 0o777 } == 0o600)
            let after = try await Self.sealed(location)
            #expect(Set(after.map { $0.split(separator: ":")[1] }).count == 1)
            #expect(after[0].split(separator: ":")[1] != before[0].split(separator: ":")[1])
            for store in [store, standby] { try await Self.check(store) }
            #expect(try await leader.rotateKey(isNew: false) == KeyRotation())
            await store.close()
            await standby.close()
            let again = try await SQLStore.open(location, keys: SealingKeys(file: file))
            try await Self.check(again)
            await again.close()
        }
    }

    @Test("An interrupted change of keys continues, by whoever leads next")
    func interruptedRotation() async throws {
        try await StoreKind.sqlite.withLocation { location in
            let folder = try TemporaryFolder()
            let file = folder.path + "/secret.key"
            let keys = try SealingKeys(file: file)
            let store = try await SQLStore.open(location, keys: keys)
            try await Self.fill(try await store.leader())
            // The leader stopped after it had made the key, and sealed one row with it.
            try keys.begin()
            let leader = try await store.leader()
            try await leader.put(Self.secret("s7"), value: Secret("value of s7"))
            try await Self.check(store)
            await store.close()

            let next = try await SQLStore.open(location, keys: SealingKeys(file: file))
            try await Self.check(next)
            let heir = try await next.leader()
            #expect(try await heir.rotateKey(isNew: true) == KeyRotation(resealed: 60))
            try await Self.check(next)
            let lines = try Files.read(file, limitBytes: 4096).split(separator: 0x0A)
            #expect(lines.count == 1)
            await next.close()
        }
    }

    @Test("What no key opens is named, and does not stop the change")
    func unreadable() async throws {
        try await StoreKind.sqlite.withLocation { location in
            let stranger = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            try await stranger.leader().put(Self.secret("lost"), value: Secret("hunter22"))
            await stranger.close()
            let store = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            let leader = try await store.leader()
            // Probably the wrong key: a new one would make two of them.
            let error = await #expect(throws: StoreError.self) {
                _ = try await leader.rotateKey(isNew: true)
            }
            #expect(error?.description.contains("put the right one into secret_key_file") == true)
            // What every leader asks when it begins.
            #expect(
                try await leader.rotateKey(isNew: false)
                    == KeyRotation(unreadable: ["secret lost"]))
            try await leader.put(Self.secret("mine"), value: Secret("hunter22"))
            let rotation = try await leader.rotateKey(isNew: true)
            #expect(rotation == KeyRotation(resealed: 1, unreadable: ["secret lost"]))
            #expect(try await store.value(ofSecret: "mine")?.reveal == "hunter22")
            await store.close()
        }
    }

    @Test(
        "A value that a restore has lost says so, until it is set anew or its key is found",
        arguments: StoreKind.databases)
    func lost(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let old = SealingKeys(SecretKey())
            let first = try await SQLStore.open(location, keys: old)
            let stranger = try await first.leader()
            for name in ["cloud", "other"] {
                try await stranger.put(Self.secret(name), value: Secret("hunter22"))
            }
            try await stranger.add(Self.lab, secret: Secret("password"))
            await first.close()
            let new = SealingKeys(SecretKey())
            let lost = try await RestoredDatabase.settle(
                location, keys: new, isKeyLost: true, above: 0, webRoot: "/nonexistent")
            #expect(lost.map(\.title) == ["environment lab", "secret cloud", "secret other"])
            #expect(try await DatabaseFacts.read(location).keyPrefixes.isEmpty)

            let store = try await SQLStore.open(location, keys: new)
            let leader = try await store.leader()
            var error = await #expect(throws: StoreError.self) {
                _ = try await store.value(ofSecret: "cloud")
            }
            #expect(error?.code == .lost && "\(error as Any)".contains("secret change cloud"))
            error = await #expect(throws: StoreError.self) {
                _ = try await store.secret(ofEnvironment: "lab")
            }
            #expect(error?.code == .lost && "\(error as Any)".contains("env change lab"))
            #expect(try await store.secrets().map(\.isLost) == [true, true])
            try await leader.put(Self.secret("cloud"), value: Secret("hunter23"))
            #expect(try await store.secret(named: "cloud")?.isLost == false)
            #expect(try await store.value(ofSecret: "cloud")?.reveal == "hunter23")
            // Lost for good: no wrong key that a new one would hide.
            #expect(
                try await leader.rotateKey(isNew: true)
                    == KeyRotation(resealed: 1, unreadable: ["environment lab", "secret other"]))
            await store.close()

            let found = try await SQLStore.open(location, keys: old)
            #expect(try await found.value(ofSecret: "other")?.reveal == "hunter22")
            let rotation = try await found.leader().rotateKey(isNew: false)
            #expect(rotation == KeyRotation(resealed: 2, unreadable: ["secret cloud"]))
            #expect(try await found.secret(named: "other")?.isLost == false)
            #expect(try await found.secret(ofEnvironment: "lab")?.reveal == "password")
            await found.close()
        }
    }

    @Test("A file that cannot be written keeps both keys from being lost")
    func closedFile() async throws {
        try await StoreKind.sqlite.withLocation { location in
            let folder = try TemporaryFolder()
            let file = folder.path + "/secret.key"
            let store = try await SQLStore.open(location, keys: SealingKeys(file: file))
            let leader = try await store.leader()
            try await leader.put(Self.secret("mine"), value: Secret("hunter22"))
            // Neither a lock nor a new file can be made there.
            try Files.makeFolder(file + ".lock")
            await #expect(throws: StoreError.self) { _ = try await leader.rotateKey(isNew: true) }
            #expect(try await store.value(ofSecret: "mine")?.reveal == "hunter22")
            // What an operator does instead: a new key as the first line.
            let old = String(decoding: try Files.read(file, limitBytes: 4096), as: UTF8.self)
            let both = String(repeating: "5a", count: 32) + "\n" + old
            try Files.replace(file, with: Array(both.utf8), mode: 0o600)
            let rotation = try await leader.rotateKey(isNew: false)
            #expect(rotation.resealed == 1 && rotation.problem?.contains(".lock") == true)
            #expect(try await store.value(ofSecret: "mine")?.reveal == "hunter22")
            await store.close()
        }
    }
}
