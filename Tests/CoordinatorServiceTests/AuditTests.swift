import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// What the audit log has of a change, and that there is no change without it.
@Suite(.timeLimit(.minutes(2))) struct AuditTests {
    private static let environment = EnvironmentForm(
        name: "lab", settings: .registry(RegistrySettings(url: "https://r")), isUnchecked: true)

    private static func guestOS(_ name: String) -> GuestOSForm {
        var form = GuestOSForm(name: name, type: .linux, template: .folder(path: "/t"))
        form.owner = "ops"
        form.variables = ["CODE": "hunter22"]
        return form
    }

    /// Everything that a reader sees of what the changes below concern.
    private static func contents(_ store: any Store) async throws -> [AnyHashable] {
        let access = try await store.accessRecords()
        return [
            try await store.hosts(), try await store.guestOSes(after: nil, limit: 99),
            try await store.testCases(nil), try await store.environments(),
            try await store.secrets(), try await store.builds(BuildFilter(), limit: 99),
            try await store.releases(ReleaseFilter(), limit: 99),
            try await store.releaseNames(in: "lab", after: nil, limit: 99),
            try await store.retentionState(), access.principals, access.tokens, access.sessions,
            try await store.passwordHash(ofPrincipal: "bert") ?? "",
            try await store.audit(limit: 99),
        ]
    }

    private typealias Change = (name: String, make: (Leader) async throws -> Void)

    /// Each would succeed, one after the other.
    private static func changes(_ build: Build, _ farm: TestFarm) -> [Change] {
        catalog(farm) + farms + accesses + [
            ("build.pin", { _ = try await $0.retention.setPinned(true, build, by: "anna") }),
            ("build.submit", { _ = try await $0.submission.retry(build, by: "anna") }),
        ]
    }

    private static func catalog(_ farm: TestFarm) -> [Change] {
        let sheet = [["name", "type", "template"], ["sheet", "linux", "/t"]]
        return [
            ("guestos.add", { _ = try await $0.guestOSes.register(guestOS("a"), by: "anna") }),
            (
                "guestos.change",
                {
                    var form = guestOS("a")
                    form.version = "12"
                    _ = try await $0.guestOSes.change(form, by: "anna")
                }
            ),
            (
                "guestos.rename",
                { try await $0.guestOSes.rename(.guestOS, "a", to: "b", by: "anna") }
            ),
            ("guestos.remove", { _ = try await $0.guestOSes.remove("b", by: "anna") }),
            ("guestos.retire", { _ = try await $0.guestOSes.remove("debian", by: "anna") }),
            (
                "testcase.add",
                {
                    let form = TestCaseForm("boots", .linux, TestDefinition(script: "true"))
                    _ = try await $0.testCases.add(form, by: "anna")
                }
            ),
            (
                "testcase.change",
                {
                    _ = try await $0.testCases.change(
                        "boots", osType: nil, to: TestDefinition(script: "id"), by: "anna")
                }
            ),
            (
                "testcase.remove",
                { try await $0.testCases.remove("boots", osType: nil, by: "anna") }
            ),
            (
                "import",
                {
                    farm.sheets.set([("guestos", sheet)])
                    _ = try await $0.sheets.run(
                        [1], name: "a.xls", only: nil, isDryRun: false, by: "anna")
                }
            ),
        ]
    }

    private static var farms: [Change] {
        [
            ("env.add", { _ = try await $0.environments.register(environment, by: "anna") }),
            (
                "env.change",
                {
                    var form = environment
                    form.policy = ReleasePolicyChange(approval: true)
                    _ = try await $0.environments.change(form, by: "anna")
                }
            ),
            (
                "env.give",
                {
                    _ = try await $0.environments.give("gold", in: "lab", to: "debian", by: "anna")
                }
            ),
            ("env.remove", { _ = try await $0.environments.remove("lab", by: "anna") }),
            (
                "host.add",
                {
                    _ = try await $0.hosts.add(
                        name: "h9", address: "a@h9:22", hostKey: "ssh-ed25519 AAAA", by: "anna")
                }
            ),
            (
                "host.change",
                {
                    _ = try await $0.hosts.change(
                        "h9", address: "a@h8:22", hostKey: nil, by: "anna")
                }
            ),
            ("host.drain", { _ = try await $0.hosts.drain("h9", note: "disks", by: "anna") }),
            ("host.resume", { _ = try await $0.hosts.resume("h9", by: "anna") }),
            ("host.remove", { try await $0.hosts.remove("h9", by: "anna") }),
            (
                "secret.add",
                {
                    let form = SecretForm(value: Secret("hunter22"), guestOSes: ["*"])
                    _ = try await $0.secrets.put("cloud", form, by: "anna")
                }
            ),
            ("secret.remove", { try await $0.secrets.remove("cloud", by: "anna") }),
        ]
    }

    private static var accesses: [Change] {
        let caller = Caller(name: "bert", way: .nobody, role: .operator, teams: [])
        return [
            (
                "user.add",
                {
                    let form = UserForm(role: .operator, password: "correct horse battery")
                    _ = try await $0.users.addUser("bert", form, by: "anna")
                }
            ),
            (
                "user.change",
                {
                    let form = UserForm(teams: ["ops"], password: "another long password")
                    _ = try await $0.users.changeUser("bert", form, by: "anna")
                }
            ),
            (
                "token.add",
                { _ = try await $0.tokens.add(TokenForm(name: "ci"), .program, for: caller) }
            ),
            (
                "session.open",
                { _ = try await $0.signIns.openSession(of: "bert", address: "10.0.0.7") }
            ),
            ("session.close", { try await $0.signIns.signOutEverywhere("bert") }),
            ("sign-in.code", { _ = try await $0.signIns.newCode(for: "bert") }),
            ("user.remove", { try await $0.users.removeUser("bert", by: "anna") }),
        ]
    }

    @Test("A change whose row cannot be stored is not made, and the same one later is")
    func bothOrNeither() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        await farm.agents[0].change { $0.plan = .pass([1]) }
        var ports = farm.ports
        ports.passwords = InMemoryPasswords()
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        try await farm.connected(coordinator)
        let leader = try coordinator.leading()
        let build = try await farm.wait(try await farm.submit(coordinator), .passed)
        for (name, make) in Self.changes(build, farm) {
            // The guest OS takes no builds any more.
            if name == "build.submit" {
                var form = Self.guestOS("debian")
                form.retired = false
                _ = try await leader.guestOSes.change(form, by: "anna")
            }
            let before = try await Self.contents(store)
            store.fail(.audit)
            await #expect(throws: StoreError.self, "\(name)") { try await make(leader) }
            #expect(try await Self.contents(store) == before, "\(name)")
            store.mend()
            do { try await make(leader) } catch { Issue.record("\(name): \(error)") }
            let rows = try await store.audit(limit: 99)
            #expect(rows.first?.action == name, "\(rows.map(\.action))")
            #expect(
                rows.count
                    == (before.last as? [AuditEntry])?.count.advanced(
                        by: name == "import" ? 2 : 1), "\(name)")
            for row in rows { #expect(!row.detail.contains("hunter22"), "\(row)") }
        }
        await coordinator.stop()
    }

    @Test("A row says what was before and what is after, and of what is removed, what it was")
    func beforeAndAfter() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            let leader = try coordinator.leading()
            func last() async throws -> String { try await farm.store.audit(limit: 1)[0].detail }

            _ = try await leader.guestOSes.register(Self.guestOS("a"), by: "anna")
            #expect(
                try await last()
                    == "type: linux, template: /t, owner: ops, retired: no, variable CODE set")
            var form = Self.guestOS("a")
            form.version = "12"
            form.variables = ["CODE": "hunter23", "MORE": ""]
            _ = try await leader.guestOSes.change(form, by: "anna")
            #expect(
                try await last()
                    == "version: none → 12, variable CODE changed, variable MORE set")
            _ = try await leader.guestOSes.remove("a", by: "anna")
            #expect(try await last().contains("version: 12, template: /t, owner: ops"))

            _ = try await leader.environments.register(Self.environment, by: "anna")
            #expect(try await last().contains("kind: registry, repository: {guestos}, tag: latest"))
            var moved = Self.environment
            moved.settings = .registry(RegistrySettings(url: "https://s", username: "bot"))
            moved.secret = "hunter22"
            _ = try await leader.environments.change(moved, by: "anna")
            #expect(
                try await last()
                    == "url: https://r → https://s, username: none → bot, password changed")
            _ = try await leader.environments.remove("lab", by: "anna")
            #expect(try await last().contains("url: https://s, username: bot, policy for "))

            func define(_ script: String) async throws {
                _ = try await leader.testCases.change(
                    "boots", osType: .linux, to: TestDefinition(script: script), by: "anna")
            }
            let new = TestCaseForm("boots", .linux, TestDefinition(script: "true"))
            _ = try await leader.testCases.add(new, by: "anna")
            #expect(try await last() == "type: linux, script: true")
            try await define("id\nls")
            #expect(try await last() == "linux; script: true → id\\u{a}ls")
            // Two long texts that begin alike are told apart.
            let long = String(repeating: "x", count: 300)
            try await define(long + "1")
            let cut = try await last()
            #expect(
                cut.hasSuffix("…)") && cut.contains(String(repeating: "x", count: 200) + "… (301"))
            try await define(long + "2")
            let sides = try await last().dropFirst("linux; script: ".count).split(separator: " → ")
            #expect(sides.count == 2 && sides[0] != sides[1])
        }
    }

    @Test("A row names what was added to a list and removed from it")
    func lists() async throws {
        let farm = try await TestFarm(hosts: 0)
        var ports = farm.ports
        ports.passwords = InMemoryPasswords()
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        let leader = try coordinator.leading()
        func last() async throws -> String { try await farm.store.audit(limit: 1)[0].detail }
        _ = try await leader.users.addUser(
            "bert",
            UserForm(role: .viewer, teams: ["a", "b"], password: "correct horse battery"),
            by: "anna")
        #expect(try await last() == "role: viewer, teams: a, b, disabled: no")
        for (teams, words) in [
            (["a", "c"], "teams: +c -b"), (["c", "a"], "teams: a, c → c, a"),
            ([], "teams: c, a → none"), (["d"], "teams: none → d"),
        ] as [([String], String)] {
            _ = try await leader.users.changeUser("bert", UserForm(teams: teams), by: "anna")
            #expect(try await last() == words)
        }
        _ = try await leader.environments.register(Self.environment, by: "anna")
        for (patterns, words) in [
            (["*", "debian*"], "policy for guest OSes: +debian*"),
            (["debian*", "rocky9"], "policy for guest OSes: +rocky9 -*"),
        ] {
            let form = EnvironmentForm(
                name: "lab",
                policy: ReleasePolicyChange(guestos: patterns.map { NamePattern($0) }))
            _ = try await leader.environments.change(form, by: "anna")
            #expect(try await last() == words)
        }
        await coordinator.stop()
    }

    @Test("A change that changes nothing leaves no row")
    func nothing() async throws {
        let farm = try await TestFarm(hosts: 0)
        var ports = farm.ports
        ports.passwords = InMemoryPasswords()
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        let leader = try coordinator.leading()
        _ = try await leader.guestOSes.register(Self.guestOS("a"), by: "anna")
        let script = TestDefinition(script: "true")
        _ = try await leader.testCases.add(TestCaseForm("boots", .linux, script), by: "anna")
        _ = try await leader.environments.register(Self.environment, by: "anna")
        _ = try await leader.hosts.add(
            name: "h9", address: "a@h9:22", hostKey: "ssh-ed25519 AAAA", by: "anna")
        _ = try await leader.secrets.put(
            "cloud", SecretForm(value: Secret("hunter22"), guestOSes: ["*"]), by: "anna")
        _ = try await leader.users.addUser(
            "bert", UserForm(role: .viewer, password: "correct horse battery"), by: "anna")
        let before = try await farm.store.audit(limit: 99)

        _ = try await leader.guestOSes.change(Self.guestOS("a"), by: "anna")
        _ = try await leader.testCases.change("boots", osType: nil, to: script, by: "anna")
        _ = try await leader.environments.change(Self.environment, by: "anna")
        _ = try await leader.hosts.change("h9", address: "a@h9:22", hostKey: nil, by: "anna")
        _ = try await leader.hosts.resume("h9", by: "anna")
        _ = try await leader.secrets.put("cloud", SecretForm(guestOSes: ["*"]), by: "anna")
        _ = try await leader.users.changeUser("bert", UserForm(role: .viewer), by: "anna")
        #expect(try await farm.store.audit(limit: 99) == before)
        await coordinator.stop()
    }

    @Test("An import leaves a row for each item that it adds or changes")
    func imported() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.run { coordinator in
            func run(_ version: String) async throws {
                farm.sheets.set([
                    (
                        "guestos",
                        [
                            ["name", "type", "version", "template"], ["a", "linux", version, "/t"],
                            ["b", "linux", "1", "/t"],
                        ]
                    ),
                    ("testcases", [["name", "os_type"], ["boots", "linux"]]),
                ])
                _ = try await coordinator.leading().sheets.run(
                    [1], name: "farm.xls", only: nil, isDryRun: false, by: "anna")
            }
            func rows(_ count: Int) async throws -> [String] {
                try await farm.store.audit(limit: count).reversed()
                    .map { "\($0.action) \($0.subject): \($0.detail)" }
            }
            let new = "type: linux, version: 1, template: /t, owner: default, retired: no"
            try await run("1")
            #expect(
                try await rows(9) == [
                    "guestos.add a: \(new)",
                    "guestos.add b: \(new)",
                    "testcase.add boots: type: linux",
                    "import 'farm.xls': guestos: 2 new, 0 changed; testcases: 1 new, 0 changed",
                ])
            try await run("2")
            #expect(
                try await rows(2) == [
                    "guestos.change a: version: 1 → 2",
                    "import 'farm.xls': guestos: 0 new, 1 changed; testcases: 0 new, 0 changed",
                ])
        }
    }

    @Test("A text of a row that is too long is cut, visibly")
    func bounded() async throws {
        let farm = try await TestFarm(hosts: 0)
        let entry = farm.ports.auditEntry(
            "anna", "test", String(repeating: "é", count: 5000), String(repeating: "d", count: 4096)
        )
        #expect(entry.subject == String(repeating: "é", count: 2048) + "… (10000 bytes)")
        #expect(entry.detail.utf8.count == 4096)
    }
}
