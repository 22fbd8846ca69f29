import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TestSupport

/// The API of a farm in which there is something of every kind to change, each in the state in
/// which it can be.
struct AuditFarm {
    /// Whatever is sent, it has one new guest OS.
    private struct OneRow: SheetFiles {
        func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
            let rows: [[SheetValue]] = [
                [.text("name"), .text("type")], [.text("imported"), .text("linux")],
            ]
            return SheetFile(
                tables: [
                    SheetTable(
                        name: "guestos", columns: ["A", "B"],
                        rows: rows.enumerated().map { .init(number: $0 + 1, values: $1) })
                ])
        }
        func write(_ sheets: [(name: String, rows: [[String]])]) -> [UInt8] { [] }
    }

    private struct Deaf: NotificationSender {
        func send(_ message: NotificationMessage, to place: String) async throws {}
    }

    private struct Idle: ReleaseTarget {
        func check(
            _ environment: ReleaseEnvironment, _ secret: Secret?
        ) async throws -> [EnvironmentFinding] { [] }
        func release(
            _ order: ReleaseOrder, _ steps: any ReleaseSteps
        ) async throws -> ReleaseResult { throw ReleaseFault(.rejected, "idle") }
        func rollBack(
            _ order: ReleaseOrder, _ steps: any ReleaseSteps
        ) async throws -> ReleaseResult { throw ReleaseFault(.rejected, "idle") }
        func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws {}
        func leftBehind(by release: Release) -> [String] { [] }
    }

    private static let attempt = AttemptToken(high: 1, low: 1)

    let store = InMemoryStore()
    let api: API
    let token: String

    init() async throws {
        let epoch = try await store.lead()
        let leader = store.leading(epoch)
        var ports = Ports.empty(store, sheets: OneRow(), clock: SetClock())
        ports.ids = CountingIDs()
        ports.passwords = InMemoryPasswords()
        ports.templates = AnyTemplates()
        ports.templateServer = StillServer()
        ports.targets = [.registry: Idle()]
        ports.hooks = [StillServer.hook]
        ports.retention = RetentionPolicy(failedDays: 1)
        ports.notificationRules = [NotificationRule(name: "chat")]
        ports.notificationSender = Deaf()
        try await Self.register(leader)
        try await Self.build(leader, ports)
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(epoch)
        try await Self.release(leader, store)
        api = API(
            APIContext(
                coordinator: coordinator, ports: ports, webRootFolder: "/nowhere",
                logPath: { _ in nil }, standing: { .leading(epoch: 1) },
                access: AccessControl(
                    directory: ports.directory, token: API.token, tokenFile: nil,
                    names: TrustedNames(url: "http://farm.test"), settings: AccessSettings()),
                version: "test"))
        let users = try coordinator.leading().users
        let password = AccountFarm.password
        for (name, role) in [("anna", Role.administrator), ("bert", .viewer)] {
            _ = try await users.addUser(
                name, UserForm(role: role, password: password), by: "local")
        }
        let anna = Caller(name: "anna", way: .nobody, role: .administrator, teams: [])
        token = try await coordinator.leading().tokens.add(
            TokenForm(name: "laptop"), .login, for: anna
        ).secret
    }

    private static func register(_ leader: any LeaderStore) async throws {
        for name in ["debian12", "spare"] {
            try await leader.add(.sample(name, owner: "default"))
        }
        try await leader.add(.sample("owned", owner: "ops"))
        var bare = GuestOS.sample("bare", owner: "default")
        bare.template = .missing
        try await leader.add(bare)
        try await leader.add(
            TestCase(
                id: "t1", name: "boots", osType: .windows,
                definition: TestDefinition(script: "true"))
        )
        try await leader.add(
            Host(
                name: "h0", address: "aibuild@h0:22", hostKey: "ssh-ed25519 AAAA",
                createdMilliseconds: 0))
        try await leader.add(
            ReleaseEnvironment(
                id: "e1", name: "lab", settings: .registry(RegistrySettings(url: "https://r")),
                createdMilliseconds: 0), secret: nil)
        try await leader.put(
            FarmSecret(
                name: "cloud", guestOSes: ["*"], createdMilliseconds: 0, changedMilliseconds: 0,
                changedBy: "local"), value: Secret("hunter22"))
    }

    /// A queued one, one that passed, and one that failed long ago.
    private static func build(_ leader: any LeaderStore, _ ports: Ports) async throws {
        let plan = try await AnyTemplates().plan(for: .sample("debian12", owner: "default"))
        for id in ["passed", "failed", "queued"] {
            _ = try await leader.enqueue(
                NewBuild(
                    id: id, guestOSID: "id-debian12", guestOS: "debian12", priority: 0,
                    owner: "default", plan: plan, updateContents: "", submittedMilliseconds: 0))
        }
        let artifact = Artifact(
            name: "disk.qcow2", sizeBytes: 0, sha256: SHA256.hex([]), format: .qcow2,
            virtualSizeBytes: 1)
        for (id, state, token) in [
            ("passed", BuildState.passed, attempt),
            ("failed", .failed, AttemptToken(high: 1, low: 2)),
        ] {
            let begun = try await leader.apply(
                BuildChange(
                    build: id, from: [.queued], owner: nil, to: .building, atMilliseconds: 1,
                    begin: Attempt(
                        token: token, build: id, ordinal: 1, host: "h0", startedMilliseconds: 1)))
            guard let begun else { throw Failure("\(id) has not begun") }
            var image: PublishedImage?
            if state == .passed {
                _ = try await ports.webRoot.incoming(artifact, of: token)
                image = try await ports.webRoot.publish(
                    Publication(build: begun, attempt: token, artifacts: [artifact]))
            }
            let fault = state == .failed ? Fault(.template, .packerFailed, "no") : nil
            let ended = try await leader.apply(
                BuildChange(
                    build: id, from: [.building], owner: token, to: state, atMilliseconds: 2,
                    end: AttemptEnd(outcome: Outcome(exitCode: 0)), fault: fault, image: image))
            guard ended != nil else { throw Failure("\(id) has not ended") }
        }
    }

    /// Releases that nobody works on, and deliveries.
    private static func release(_ leader: any LeaderStore, _ store: InMemoryStore) async throws {
        guard let build = await store.build(id: "passed") else { throw Failure("no build") }
        for state in [ReleaseState.awaitingApproval, .queued, .failed, .released] {
            var release = Release(
                id: "r-\(state.rawValue)", build: build, environment: "lab", requestedBy: "bert",
                createdMilliseconds: 0)
            release.state = state
            try await leader.add(release)
        }
        for state in [Delivery.State.handled, .awaitingApproval] {
            let report = GitReport(.push, project: "g/a", ref: "main", commit: "c0ffee")
            _ = try await store.receive(
                Delivery(
                    hook: "gitlab", key: state.rawValue, event: "push",
                    receivedMilliseconds: SetClock().unixMilliseconds(),
                    state: state, reports: [report]), payload: "")
        }
    }

    func ask(
        _ method: String, _ target: String, _ body: String, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var headers = headers
        headers.set("Host", "127.0.0.1:9753")
        headers.set("Authorization", "Bearer \(token)")
        if headers["Content-Type"] == nil { headers.set("Content-Type", "application/json") }
        let response = await api.respond(
            to: try HTTPRequest(
                method: method, target: target, headers: headers, body: Array(body.utf8),
                remoteAddress: "10.0.0.7"))
        return Answer(status: response.status, headers: response.headers, body: response.body)
    }
}
