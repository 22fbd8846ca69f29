import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import TestSupport
import Testing

/// Policies of environments, and who owns an image name there.
@Suite("Release policies and names in the store", .timeLimit(.minutes(3)))
struct ReleaseNameTests {
    private static func environment(
        _ name: String, _ policy: ReleasePolicy = ReleasePolicy()
    ) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "id-\(name)", name: name,
            settings: .openstack(
                OpenStackSettings(authURL: "http://k", project: "p", username: "u")),
            policy: policy, createdMilliseconds: 1_700_000_000_000)
    }

    private static func name(
        _ name: String, _ guestOS: String, _ release: String? = nil, in environment: String = "lab"
    ) -> ReleaseName {
        ReleaseName(
            environment: environment, name: name, guestOS: guestOS, claimedBy: release)
    }

    private static func release(
        _ id: String, of build: Build, at time: Int64 = 1000
    ) -> Release {
        Release(
            id: id, build: build, environment: "lab", requestedBy: "admin",
            createdMilliseconds: time)
    }

    private static func end(
        _ id: String, as state: ReleaseState, _ leader: any LeaderStore
    ) async throws {
        try await leader.add(
            release(id, of: Build(Samples.build("build-\(id)"), number: 7)))
        var claim = ReleaseChange(
            release: id, from: [.queued], to: .running, atMilliseconds: 2000)
        claim.begins = true
        _ = try await leader.apply(claim)
        var end = ReleaseChange(
            release: id, from: [.running], attempt: 1, to: state, atMilliseconds: 3000)
        if state == .released { end.result = ReleaseResult(remoteID: "x") }
        _ = try #require(try await leader.apply(end))
    }

    @Test("A policy is read as it was stored, and replaced", arguments: StoreKind.allCases)
    func policy(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let strict = ReleasePolicy(
                guestOSes: [NamePattern("debian*"), NamePattern("ü")],
                images: [NamePattern("{guestos}-*")], needsApproval: true)
            var lab = Self.environment("lab", strict)
            try await leader.add(lab, secret: nil)
            #expect(try await store.environment(named: "lab") == lab)
            lab.policy = .unrestricted
            try await leader.update(lab, secret: nil)
            #expect(try await store.environments() == [lab])
        }
    }

    @Test("The first guest OS that releases under a name keeps it", arguments: StoreKind.allCases)
    func firstReleaseOwns(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let mine = Self.name("gold", "debian", "r1")
            #expect(try await store.releaseName("gold", in: "lab") == nil)
            for _ in 1...2 { #expect(try await leader.claim(mine) == mine) }
            #expect(try await leader.claim(Self.name("gold", "centos", "r2")) == mine)
            #expect(
                try await leader.claim(Self.name("Gold", "centos", "r2")).guestOS == "centos",
                "names differ by case")
            #expect(
                try await leader.claim(Self.name("gold", "centos", "r2", in: "prod")).guestOS
                    == "centos")
            try await Self.end("r1", as: .released, leader)
            let owned = Self.name("gold", "debian")
            #expect(try await store.releaseName("gold", in: "lab") == owned)
            #expect(try await leader.claim(Self.name("gold", "debian", "r3")) == owned)
            try await Self.end("r3", as: .failed, leader)
            #expect(try await store.releaseName("gold", in: "lab") == owned)
        }
    }

    @Test(
        "A release that does not succeed leaves its name to others", arguments: StoreKind.allCases,
        [ReleaseState.failed, .cancelled, .refused])
    func failedReleaseOwnsNothing(_ kind: StoreKind, _ state: ReleaseState) async throws {
        try await kind.with { store, leader in
            _ = try await leader.claim(Self.name("gold", "debian", "r1"))
            try await Self.end("r1", as: state, leader)
            #expect(try await store.releaseName("gold", in: "lab") == nil)
            let other = Self.name("gold", "centos", "r2")
            #expect(try await leader.claim(other) == other)
        }
    }

    @Test("A person can give a name to another guest OS", arguments: StoreKind.allCases)
    func give(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Self.environment("lab"), secret: nil)
            for (name, guestOS) in [("b", "x"), ("a", "x"), ("a", "y"), ("a", "y")] {
                try await leader.give(Self.name(name, guestOS))
            }
            try await leader.give(Self.name("c", "x", in: "prod"))
            let names = [Self.name("a", "y"), Self.name("b", "x")]
            #expect(try await store.releaseNames(in: "lab", after: nil, limit: 9) == names)
            #expect(try await store.releaseNames(in: "lab", after: nil, limit: 1) == [names[0]])
            #expect(try await store.releaseNames(in: "lab", after: "a", limit: 9) == [names[1]])
            #expect(try await leader.claim(Self.name("a", "x", "r1")) == names[0])
            // Another environment of this name starts anew.
            try await leader.removeEnvironment(named: "lab")
            #expect(try await store.releaseNames(in: "lab", after: nil, limit: 9).isEmpty)
            #expect(try await store.releaseNames(in: "prod", after: nil, limit: 9).count == 1)
        }
    }

    /// Builds that passed and were released before there were policies.
    private static func fillOlder(_ leader: any LeaderStore) async throws {
        try await leader.add(environment("lab"), secret: nil)
        for (number, release) in [
            (1, ("debian", nil)), (2, ("centos", "gold")), (3, ("rocky", "gold")),
            (4, ("suse", "debianx86_64x")),
        ] as [(UInt64, (String, String?))] {
            let (guestOS, name) = release
            let id = "r\(number)"
            try await leader.add(Samples.guestOS(guestOS))
            var build = Samples.build("b\(number)", of: guestOS)
            build.plan.release = ReleasePlan(to: ["lab"], name: name)
            let stored = try await leader.enqueue(build)
            try await leader.add(
                Self.release(id, of: stored, at: Int64(number) * 1000))
            var claim = ReleaseChange(
                release: id, from: [.queued], to: .running, atMilliseconds: 9000)
            claim.begins = true
            _ = try await leader.apply(claim)
            var end = ReleaseChange(
                release: id, from: [.running], attempt: 1, to: .released, atMilliseconds: 9500)
            end.result = ReleaseResult(remoteID: "x")
            _ = try await leader.apply(end)
        }
    }

    @Test(
        "After an upgrade nothing is refused that was released before",
        arguments: StoreKind.databases)
    func upgrade(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let before = try await SQLStore.open(location)
            try await Self.fillOlder(try await before.leader())
            await before.close()
            let database = try await SQLDatabase.open(location)
            for sql in [
                "DROP TABLE release_names", "ALTER TABLE envs DROP COLUMN policy",
                "DELETE FROM schema_version WHERE version >= 9",
                // One that cannot be read must not stop the upgrade.
                "UPDATE builds SET plan = '{' WHERE id = 'b4'",
            ] { try await database.execute(sql) }
            await database.close()

            let store = try await SQLStore.open(location)
            #expect(try await store.environment(named: "lab")?.policy == .unrestricted)
            #expect(
                try await store.releaseNames(in: "lab", after: nil, limit: 9) == [
                    Self.name("debianx86_64", "debian"), Self.name("gold", "rocky"),
                ])
            // A new environment is strict.
            try await store.leader().add(Self.environment("new"), secret: nil)
            #expect(try await store.environment(named: "new")?.policy == ReleasePolicy())
            await store.close()
        }
    }

    @Test("A row of a tool of the original AIBuild gets the default policy")
    func historicRow() async throws {
        try await StoreKind.sqlite.withLocation { location in
            await (try SQLStore.open(location)).close()
            let database = try await SQLDatabase.open(location)
            try await database.execute(
                "INSERT INTO envs (id, name, auth_url, project_domain_name, user_domain_name, "
                    + "project_name, username, password, region) VALUES ('old', 'old', "
                    + "'http://k:5000', 'Default', 'Default', 'p', 'u', '', '')", [])
            await database.close()
            let store = try await SQLStore.open(location)
            #expect(try await store.environment(named: "old")?.policy == ReleasePolicy())
            await store.close()
        }
    }
}
