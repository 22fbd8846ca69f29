import CoordinatorCore
import TestSupport
import Testing

/// Every write of every role, made by a leader that was deposed and has not noticed.
@Suite(.timeLimit(.minutes(3))) struct DeposedTests {
    private static let environment = ReleaseEnvironment(
        id: "env", name: "lab", settings: .registry(RegistrySettings(url: "https://r")),
        createdMilliseconds: 1)

    private static func release(_ id: String) -> Release {
        Release(
            id: id, build: Build(Samples.build("b1"), number: 1), environment: "lab",
            requestedBy: "admin", createdMilliseconds: 1000)
    }

    private static func secret(_ name: String) -> FarmSecret {
        FarmSecret(
            name: name, guestOSes: ["*"], createdMilliseconds: 1, changedMilliseconds: 1,
            changedBy: "admin")
    }

    private static func testCase(_ id: String, _ name: String) -> TestCase {
        TestCase(id: id, name: name, osType: .linux)
    }

    private static func owed(_ event: String) -> OwedNotification {
        OwedNotification(
            place: "chat",
            notification: Notification(
                id: event, .failed, guestOS: "a", build: "a:1", owner: "o", atMilliseconds: 0))
    }

    /// A store in which each of `writes` would succeed.
    static func fill(_ leader: any LeaderStore) async throws {
        try await leader.add([owed("early")])
        try await leader.add(Samples.guestOS("ubuntu1604"))
        try await leader.add(Samples.host("kvm1"))
        try await leader.add(testCase("1", "boots"))
        try await leader.add(environment, secret: Secret("first"))
        try await leader.put(secret("cloud"), value: Secret("first"))
        try await leader.add(release("r1"))
        for id in ["b1", "ended"] { _ = try await leader.enqueue(Samples.build(id)) }
        try await leader.run("ended", 9, from: 1000, to: 2000)
    }

    typealias Write = @Sendable (any LeaderStore) async throws -> Void

    /// One entry for each requirement of `LeaderStore`.
    static let writes: [(name: String, write: Write)] = [
        ("enqueue", { _ = try await $0.enqueue(Samples.build("late")) }),
        ("claim", { _ = try await $0.apply(Samples.claim("b1", 1)) }),
        ("cancel a build", { _ = try await $0.requestCancel(build: "b1") }),
        (
            "change rights",
            { try await $0.apply(.removeSessions(principal: "anna")) }
        ),
        ("pin", { _ = try await $0.setPinned(true, build: "ended") }),
        ("begin a prune", { _ = try await $0.beginPrune(build: "ended", atMilliseconds: 9) }),
        ("end a prune", { try await $0.endPrune(build: "ended") }),
        ("add a host", { try await $0.add(Samples.host("kvm2")) }),
        ("change a host", { try await $0.update(Samples.host("kvm1")) }),
        ("drain", { try await $0.setDrain(HostDrain(), host: "kvm1") }),
        ("remove a host", { try await $0.removeHost("kvm1") }),
        ("add a guest OS", { try await $0.add(Samples.guestOS("debian9")) }),
        (
            "update a guest OS",
            { store in
                var changed = Samples.guestOS("ubuntu1604")
                changed.version = "18.04"
                try await store.update(changed)
            }
        ),
        ("add a test case", { try await $0.add(testCase("2", "late")) }),
        (
            "define a test case",
            { store in
                var changed = testCase("1", "boots")
                changed.definition = TestDefinition(script: "true", limitSeconds: 9)
                try await store.define(changed)
            }
        ),
        ("remove a test case", { try await $0.removeTestCase(id: "1") }),
        (
            "register",
            { store in
                var batch = RegistryBatch()
                batch.newGuestOSes = [Samples.guestOS("late")]
                try await store.register(batch)
            }
        ),
        (
            "add an environment",
            { store in
                var late = environment
                late.id = "late"
                late.name = "late"
                try await store.add(late, secret: nil)
            }
        ),
        (
            "update an environment",
            { try await $0.update(environment, secret: Secret("second")) }
        ),
        ("remove an environment", { try await $0.removeEnvironment(named: "lab") }),
        ("change a secret", { try await $0.put(secret("cloud"), value: Secret("second")) }),
        ("add a secret", { try await $0.put(secret("late"), value: Secret("second")) }),
        ("remove a secret", { try await $0.removeSecret(named: "cloud") }),
        ("change the key", { _ = try await $0.rotateKey(isNew: true) }),
        ("add a release", { try await $0.add(release("late")) }),
        (
            "claim a release",
            { store in
                var claim = ReleaseChange(
                    release: "r1", from: [.queued], to: .running, atMilliseconds: 2000)
                claim.begins = true
                _ = try await store.apply(claim)
            }
        ),
        (
            "claim an image name",
            { store in
                _ = try await store.claim(
                    ReleaseName(
                        environment: "lab", name: "late", guestOS: "debian9", claimedBy: "r1"))
            }
        ),
        (
            "give an image name",
            {
                try await $0.give(
                    ReleaseName(environment: "lab", name: "given", guestOS: "debian9"))
            }
        ),
        ("cancel a release", { _ = try await $0.requestCancel(release: "r1") }),
        (
            "record a historic build",
            { store in
                let entry = BuildLogEntry(
                    id: "late", imageName: "late.qcow2", guestOSName: "ubuntu1604",
                    builtMilliseconds: 1000, updateContents: "", getURL: "")
                _ = try await store.record(entry)
            }
        ),
        (
            "record a historic test",
            { store in
                try await store.record(
                    HistoricTest(
                        id: "late", imageName: "ended.qcow2", caseName: "boot", result: "ok",
                        testedMilliseconds: 2000))
            }
        ),
        (
            "record a historic release",
            { store in
                try await store.record(
                    HistoricRelease(
                        id: "late", environment: "lab", glanceID: "42",
                        releasedMilliseconds: 3000))
            }
        ),
        (
            "remove entries of the audit log",
            { _ = try await $0.removeAudit(before: .max, limit: 9) }
        ),
        (
            "remove old rows of builds and releases",
            { _ = try await $0.removeHistory(before: .max, limit: 9) }
        ),
        (
            "say which retention policy is in force",
            { try await $0.set(RetentionState()) }
        ),
        (
            "record what triggers builds",
            { store in
                let id = Samples.guestOS("ubuntu1604").id
                _ = try await store.save(TriggerState(guestOSID: id))
            }
        ),
        ("note what has to be sent", { try await $0.add([owed("late")]) }),
        ("note what was sent", { try await $0.settle([1], sentMilliseconds: 1) }),
        (
            "give up what was not sent",
            { _ = try await $0.giveUpNotifications(before: .max, limit: 9) }
        ),
    ]

    /// Everything that a reader can see.
    static func contents(_ store: any Store) async throws -> [AnyHashable] {
        let builds = try await store.builds(BuildFilter(), limit: 99)
        var records: [TestRecord] = []
        var attempts: [Attempt] = []
        for build in builds {
            records += try await store.testRecords(ofBuild: build.id)
            attempts += try await store.attempts(ofBuild: build.id)
        }
        return [
            builds, records, attempts, try await store.allHalfPruned(), try await store.hosts(),
            try await store.guestOSes(after: nil, limit: 99), try await store.testCases(nil),
            try await store.triggerStates(after: nil, limit: 99).rows,
            try await store.waitingNotifications(to: "chat", limit: 9),
            try await store.environments(),
            try await store.secret(ofEnvironment: "lab")?.reveal ?? "none",
            try await store.secrets(),
            try await store.value(ofSecret: "cloud")?.reveal ?? "none",
            try await store.releases(ReleaseFilter(), limit: 99),
            try await store.releaseNames(in: "lab", after: nil, limit: 99),
            try await store.buildLog(guestOSID: nil, limit: 99), try await store.audit(limit: 99),
        ]
    }

    @Test("A deposed leader cannot write anything", arguments: StoreKind.allCases)
    func deposedLeader(_ kind: StoreKind) async throws {
        try await kind.with { store, old in
            try await Self.fill(old)
            try await store.record(
                AuditEntry(atMilliseconds: 1, actor: "admin", action: "host.add", subject: "kvm1"))
            let before = try await Self.contents(store)
            try await store.resign(store.lead())
            let next = Candidate(id: "next", url: "http://next", leaseMilliseconds: 600_000)
            let lease = try await store.campaign(next)
            for (name, write) in Self.writes {
                await #expect(throws: StoreError.deposed(lease), "\(name)") { try await write(old) }
            }
            #expect(try await Self.contents(store) == before)
            // The next leader can make the same writes, so nothing else refused them.
            let leader = store.leading(try #require(lease.epoch(heldBy: next)))
            for (name, write) in Self.writes {
                await #expect(throws: Never.self, "\(name)") { try await write(leader) }
            }
            #expect(try await Self.contents(store) != before)
        }
    }

    @Test("The audit log accepts entries from every coordinator", arguments: StoreKind.allCases)
    func auditIsNotFenced(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            _ = try await store.lead(as: "test")
            let entry = AuditEntry(
                atMilliseconds: 1, actor: "admin", action: "host.drain", subject: "kvm1")
            try await store.record(entry)
            #expect(try await store.audit(limit: 9).map(\.unnumbered) == [entry])
        }
    }
}
