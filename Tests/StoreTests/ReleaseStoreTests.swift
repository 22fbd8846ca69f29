import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// Environments with their secrets, and releases with their compare-and-set.
@Suite(.timeLimit(.minutes(3))) struct ReleaseStoreTests {
    private func environment(
        _ name: String,
        _ settings: EnvironmentSettings = .registry(RegistrySettings(url: "https://r"))
    ) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "id-\(name)", name: name, settings: settings,
            createdMilliseconds: 1_700_000_000_000)
    }

    private func release(
        _ id: String, to environment: String = "lab", at time: Int64 = 1000
    ) -> Release {
        Release(
            id: id, build: Build(Samples.build("build-\(id)"), number: 7), environment: environment,
            requestedBy: "admin", createdMilliseconds: time)
    }

    @Test(
        "An environment that names a secret has no password beside it",
        arguments: StoreKind.databases)
    func namedSecret(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var lab = ReleaseEnvironment(
                id: "e", name: "lab", settings: .registry(RegistrySettings(url: "https://r")),
                createdMilliseconds: 0)
            try await leader.add(lab, secret: Secret("hunter22"))
            lab.secretName = "cloud"
            try await leader.update(lab, secret: nil)
            #expect(try await store.environment(named: "lab") == lab)
            #expect(try await store.secret(ofEnvironment: "lab") == nil)
            lab.secretName = nil
            try await leader.update(lab, secret: Secret("hunter23"))
            #expect(try await store.environments() == [lab])
            #expect(try await store.secret(ofEnvironment: "lab")?.reveal == "hunter23")
        }
    }

    @Test("Environments of every kind are read as they were stored", arguments: StoreKind.allCases)
    func environmentRoundTrip(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let all = [
                environment(
                    "a",
                    .openstack(
                        OpenStackSettings(
                            authURL: "https://lab:5000/v3", userDomain: "users",
                            projectDomain: "projects", project: "images", username: "ci",
                            region: "eu", interface: .internal, caFile: "/ca.pem", format: .raw,
                            visibility: .shared, members: ["p1"], keep: 3))),
                environment(
                    "b",
                    .docker(
                        DockerSettings(
                            hosts: [
                                DockerSettings.Host(
                                    name: "10.64.26.41", url: "https://10.64.26.41:2376",
                                    certificates: "/certs", container: "{}")
                            ], repository: "r/x", registry: "c", username: "u"))),
                environment("c"),
            ]
            for environment in all {
                try await leader.add(environment, secret: Secret("pass"))
            }
            #expect(try await store.environments() == all)
            #expect(try await store.environment(named: "B") == nil)
            await #expect(throws: StoreError.exists(what: .environment, name: "a")) {
                var other = environment("a")
                other.id = "another"
                try await leader.add(other, secret: nil)
            }
            try await leader.removeEnvironment(named: "b")
            await #expect(throws: StoreError.notFound(what: .environment, name: "b")) {
                try await leader.removeEnvironment(named: "b")
            }
            #expect(try await store.environments().map(\.name) == ["a", "c"])
        }
    }

    @Test("A secret is kept until another one is given", arguments: StoreKind.allCases)
    func secretIsKept(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var environment = environment("lab")
            try await leader.add(environment, secret: Secret("first"))
            environment.settings = .registry(RegistrySettings(url: "https://other"))
            try await leader.update(environment, secret: nil)
            #expect(try await store.environment(named: "lab") == environment)
            #expect(try await store.secret(ofEnvironment: "lab")?.reveal == "first")
            try await leader.update(environment, secret: Secret("密码"))
            #expect(try await store.secret(ofEnvironment: "lab")?.reveal == "密码")
            #expect(try await store.secret(ofEnvironment: "none") == nil)
        }
    }

    @Test("No secret is stored in clear text", arguments: StoreKind.databases)
    func secretsAreSealed(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let key = SealingKeys(SecretKey())
            let store = try await SQLStore.open(location, keys: key)
            let leader = try await store.leader()
            try await leader.add(environment("lab"), secret: Secret("hunter22"))
            await store.close()
            var database = try await SQLDatabase.open(location)
            // As a tool of the original AIBuild would.
            try await database.execute(
                "INSERT INTO envs (id, name, auth_url, project_domain_name, user_domain_name, "
                    + "project_name, username, password, region) VALUES ('old', 'old', "
                    + "'http://k:5000', 'Default', 'Default', 'p', 'u', 'hunter23', '')", [])
            await database.close()

            let again = try await SQLStore.open(location, keys: key)
            #expect(try await again.secret(ofEnvironment: "lab")?.reveal == "hunter22")
            #expect(try await again.secret(ofEnvironment: "old")?.reveal == "hunter23")
            guard case .openstack(let old)? = try await again.environment(named: "old")?.settings
            else { throw Failure("no settings") }
            #expect(old.authURL == "http://k:5000" && old.format == .raw)
            await again.close()

            database = try await SQLDatabase.open(location)
            for row in try await database.query("SELECT password, secret FROM envs", []) {
                #expect(try row.text("password") == "")
                #expect(try !row.text("secret").contains("hunter"))
            }
            await database.close()

            let stranger = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            await #expect(throws: StoreError.self) {
                _ = try await stranger.secret(ofEnvironment: "lab")
            }
            await stranger.close()
        }
    }

    @Test("A release is changed only by the try that owns it", arguments: StoreKind.allCases)
    func releaseTries(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(release("r1"))
            try await leader.add(release("r1", at: 5))
            #expect(try await store.release(id: "r1") == release("r1"))

            var claim = ReleaseChange(
                release: "r1", from: [.queued], to: .running, atMilliseconds: 2000)
            claim.begins = true
            let running = try #require(try await leader.apply(claim))
            #expect(running.attemptCount == 1 && running.state == .running)
            #expect(try await leader.apply(claim) == running, "the answer may have been lost")

            var noted = ReleaseChange(
                release: "r1", from: [.running], attempt: 1, to: .running, atMilliseconds: 2100)
            noted.journal = ["image": "42"]
            #expect(try await leader.apply(noted)?.journal == ["image": "42"])

            var again = ReleaseChange(
                release: "r1", from: [.running], attempt: 1, to: .queued, atMilliseconds: 2200)
            again.notBeforeMilliseconds = 9000
            again.fault = RecordedFault(ReleaseFault(.failed, "away"))
            #expect(try await leader.apply(again)?.fault?.description == "away")
            claim.atMilliseconds = 9000
            #expect(try await leader.apply(claim)?.attemptCount == 2)

            noted.journal = ["image": "43"]
            #expect(try await leader.apply(noted) == nil, "an earlier try does not own it")
            var done = ReleaseChange(
                release: "r1", from: [.running], attempt: 2, to: .released, atMilliseconds: 9500)
            done.result = ReleaseResult(remoteID: "glance-42", notes: ["fine"])
            let ended = try #require(try await leader.apply(done))
            #expect(ended.result == done.result && ended.fault == nil)
            #expect(ended.journal == ["image": "42"] && ended.endedMilliseconds == 9500)
            #expect(try await leader.apply(done) == ended)
            #expect(try await leader.requestCancel(release: "r1") == nil)
        }
    }

    @Test("The fault of a release that an older aibuild stored is read as it was")
    func faultOfOlderRow() async throws {
        try await StoreKind.sqlite.withLocation { location in
            let store = try await SQLStore.open(location)
            try await store.leader().add(release("r1"))
            await store.close()
            let database = try await SQLDatabase.open(location)
            try await database.execute(
                "UPDATE releases SET document = replace(document, ?, ?)",
                [
                    .text("\"id\":\"r1\""),
                    .text(
                        "\"fault\":{\"description\":\"the quota is exceeded\","
                            + "\"isPermanent\":true},\"id\":\"r1\""),
                ])
            await database.close()
            let again = try await SQLStore.open(location)
            let fault = try #require(try await again.release(id: "r1")?.fault)
            #expect(fault.isPermanent)
            #expect(fault.description == "the quota is exceeded")
            await again.close()
        }
    }

    @Test("A rollback marks the release that it undoes", arguments: StoreKind.allCases)
    func rollback(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var back = release("r2", at: 2000)
            back.action = .rollback
            back.undoes = "r1"
            for wanted in [release("r1"), back] {
                try await leader.add(wanted)
                var claim = ReleaseChange(
                    release: wanted.id, from: [.queued], to: .running, atMilliseconds: 3000)
                claim.begins = true
                _ = try await leader.apply(claim)
                var done = ReleaseChange(
                    release: wanted.id, from: [.running], attempt: 1, to: .released,
                    atMilliseconds: 4000)
                done.result = ReleaseResult(remoteID: "x")
                _ = try await leader.apply(done)
            }
            #expect(try await store.release(id: "r1")?.state == .rolledBack)
            #expect(try await store.release(id: "r2")?.state == .released)
        }
    }

    @Test("Releases are filtered and paged", arguments: StoreKind.allCases)
    func releaseFilters(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for number in 1...4 {
                let place = number.isMultiple(of: 2) ? "lab" : "prod"
                try await leader.add(
                    release("r\(number)", to: place, at: Int64(number)))
            }
            let all = try await store.releases(ReleaseFilter(), limit: 10).map(\.id)
            #expect(all == ["r4", "r3", "r2", "r1"])
            #expect(try await store.allLiveReleases().map(\.id) == ["r1", "r2", "r3", "r4"])
            let lab = ReleaseFilter(environment: "lab")
            #expect(try await store.releases(lab, limit: 10).map(\.id) == ["r4", "r2"])
            let page = ReleaseFilter(after: "r3")
            #expect(try await store.releases(page, limit: 1).map(\.id) == ["r2"])
            let build = ReleaseFilter(build: "build-r3", guestOS: "ubuntu1604")
            #expect(try await store.releases(build, limit: 10).map(\.id) == ["r3"])
            let none = ReleaseFilter(states: [.released])
            #expect(try await store.releases(none, limit: 10).isEmpty)
            let begin = { ReleaseFilter(idPrefix: $0) }
            #expect(try await store.releases(begin("r"), limit: 10).count == 4)
            #expect(try await store.releases(begin("r3"), limit: 10).map(\.id) == ["r3"])
            #expect(try await store.releases(begin("R3"), limit: 10).isEmpty)
            #expect(try await leader.requestCancel(release: "r1")?.cancelRequested == true)
        }
    }

    /// Releases that follow a pass are stored with it: no crash can separate the two.
    @Test("Releases that follow from a pass are stored with it", arguments: StoreKind.allCases)
    func followingReleases(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("ubuntu1604"))
            let build = try await leader.enqueue(Samples.build("b1"))
            _ = try await leader.apply(Samples.claim("b1", 1))
            var pass = Samples.pass("b1", 1, at: 3000)
            pass.releases = [
                Release(
                    id: "r1", build: build, environment: "lab", state: .awaitingApproval,
                    requestedBy: "aibuild.yml", createdMilliseconds: 3000)
            ]
            for _ in 1...2 { #expect(try await leader.apply(pass)?.state == .passed) }
            #expect(try await store.allLiveReleases() == pass.releases)
        }
    }

    @Test("release_log has one row for each release", arguments: StoreKind.databases)
    func releaseLog(_ kind: StoreKind) async throws {
        try await kind.withLocation { location in
            let store = try await SQLStore.open(location, keys: SealingKeys(SecretKey()))
            let leader = try await store.leader()
            try await leader.add(environment("lab"), secret: nil)
            try await leader.add(release("r1"))
            var claim = ReleaseChange(
                release: "r1", from: [.queued], to: .running, atMilliseconds: 3000)
            claim.begins = true
            _ = try await leader.apply(claim)
            var done = ReleaseChange(
                release: "r1", from: [.running], attempt: 1, to: .released,
                atMilliseconds: 1_543_395_900_000)
            done.result = ReleaseResult(remoteID: String(repeating: "d", count: 71))
            for _ in 1...2 { _ = try await leader.apply(done) }
            await store.close()
            let database = try await SQLDatabase.open(location)
            let rows = try await database.query(
                "SELECT env_id, env_name, glance_id, release_at FROM release_log", [])
            #expect(rows.count == 1)
            let row = try #require(rows.first)
            #expect(try row.text("env_id") == "id-lab" && row.text("env_name") == "lab")
            #expect(try row.text("glance_id") == String(repeating: "d", count: 36))
            #expect(try row.text("release_at").hasPrefix("2018-11-28 09:05:00"))
            await database.close()
        }
    }
}
