import BuildProtocol
import CoordinatorCore
import Synchronization

/// A gateway to in-memory agents. Transfers can be made to fail, to hang and to deliver wrong
/// bytes.
final class FakeGateway: HostGateway {
    private struct State {
        var agents: [String: FakeAgent] = [:]
        var opens: [String: Int] = [:]
        var failingReads = 0
        var lyingReads = 0
        var failingDeliveries = 0
        var deliveries = 0
        var isHolding = false
        var reads = 0
        var openGate: Flag?
        var machines: [String: String] = [:]
        var verdict: @Sendable (String) throws -> Fault? = { _ in nil }
        var checks: [String] = []
        var isHoldingChecks = false
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    func add(_ agent: FakeAgent) { state.withLock { $0.agents[agent.name] = agent } }
    func failReads(_ count: Int) { state.withLock { $0.failingReads = count } }
    func failDeliveries(_ count: Int) { state.withLock { $0.failingDeliveries = count } }
    /// Files that were sent to hosts, or were to be.
    var deliveries: Int { state.withLock(\.deliveries) }
    func lieInReads(_ count: Int) { state.withLock { $0.lyingReads = count } }
    /// Transfers hang, as over a network that drops all packets.
    func hold(_ isHolding: Bool) { state.withLock { $0.isHolding = isHolding } }
    /// Sessions are opened only once the flag is raised.
    func holdOpens(until gate: Flag) { state.withLock { $0.openGate = gate } }
    /// A second name of the machine of an agent.
    func add(name: String, of agent: FakeAgent) {
        state.withLock { $0.machines[name] = agent.name }
    }
    /// What hosts say of templates, by their names.
    func judge(_ verdict: @escaping @Sendable (String) throws -> Fault?) {
        state.withLock { $0.verdict = verdict }
    }
    /// Hosts that look at a template never answer.
    func holdChecks() { state.withLock { $0.isHoldingChecks = true } }
    /// The hosts that looked at a template, in their order.
    var checks: [String] { state.withLock(\.checks) }
    var reads: Int { state.withLock(\.reads) }
    func opens(_ host: String) -> Int { state.withLock { $0.opens[host, default: 0] } }

    private func agent(_ host: Host) throws -> FakeAgent {
        let agent = state.withLock { $0.agents[$0.machines[host.name] ?? host.name] }
        guard let agent else {
            throw HostFault(.unreachable, "host \(host.name): no route")
        }
        return agent
    }

    func checked(_ host: Host) throws -> Host {
        if host.hostKey.isEmpty { throw HostFault(.refused, "there is no host key") }
        return host
    }

    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        let gate = state.withLock { state in
            state.opens[host.name, default: 0] += 1
            return state.openGate
        }
        await gate?.wait()
        let agent = try agent(host)
        var host = host
        host.name = agent.name
        return try await agent.open(host, epoch: epoch)
    }

    func deliver(_ template: TemplateArchive, to host: Host) async throws {
        let fails = state.withLock { state in
            state.deliveries += 1
            state.failingDeliveries = max(-1, state.failingDeliveries - 1)
            return state.failingDeliveries >= 0
        }
        if fails { throw HostFault(.unreachable, "host \(host.name): the transfer broke") }
        try await agent(host).base.deliver(template, to: host)
    }

    func check(_ start: Start, on host: Host) async throws -> Fault? {
        let (verdict, isHolding) = state.withLock { state in
            state.checks.append(host.name)
            return (state.verdict, state.isHoldingChecks)
        }
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        _ = try await agent(host).base.check(start, on: host)
        return try verdict(host.name)
    }

    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        let (isHolding, fails, lies) = state.withLock { state in
            state.reads += 1
            defer {
                state.failingReads = max(0, state.failingReads - 1)
                if state.failingReads == 0 { state.lyingReads = max(0, state.lyingReads - 1) }
            }
            return (state.isHolding, state.failingReads > 0, state.lyingReads > 0)
        }
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        if fails { throw HostFault(.unreachable, "host \(host.name): the transfer broke") }
        try await agent(host).base.read(
            artifact, of: attempt, from: host, offset: offset, length: length
        ) { offset, bytes in
            var bytes = bytes
            if lies { bytes[0] ^= 1 }
            try await sink(offset, bytes)
        }
    }

    func scanHostKey(_ address: String) async throws -> HostKey {
        HostKey(key: "ssh-ed25519 AAAA", fingerprint: "SHA256:x")
    }
}

final class FakeTemplates: TemplateLibrary {
    private let outputTexts = Mutex<[String: String]>([:])

    /// The content of `output/<name>.j2`.
    func output(_ name: String, _ text: String) { outputTexts.withLock { $0[name] = text } }

    func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)] {
        try outputTexts.withLock(\.self).map { name, text in
            (name, try OutputTemplate(text, file: "output/\(name).j2"))
        }
    }

    private let builder = Mutex(Builder.command(["./build"]))
    private let newest = Mutex("c0ffee")
    private let commitsAt = Mutex<[String: String]>([:])
    private let requirements = Mutex(Requirements())
    private let tests = Mutex<ImageTests?>(nil)
    private let releasePlan = Mutex<ReleasePlan?>(nil)
    private let variables = Mutex<[String: String]>([:])
    private let kvmReason = Mutex<String?>(nil)
    private let environment = Mutex<[String: EnvironmentValue]?>(nil)
    private let withholdsSecrets = Mutex<Bool?>(nil)

    /// The tests of builds that are submitted from now on.
    func test(_ new: ImageTests?) { tests.withLock { $0 = new } }

    /// Templates are built by Packer from now on.
    func usePacker() { builder.withLock { $0 = .packer(template: "t.json") } }

    /// The environment of the builder, from now on.
    func environment(_ new: [String: EnvironmentValue], withholdsSecrets: Bool? = nil) {
        environment.withLock { $0 = new }
        self.withholdsSecrets.withLock { $0 = withholdsSecrets }
    }

    /// Why templates can only be built where KVM works.
    func needKVM(_ reason: String?) { kvmReason.withLock { $0 = reason } }

    /// The newest commit of every repository.
    private let subjectsSince = Mutex<[String: [String]]>([:])

    /// Of the commits after `old`.
    func set(subjects: [String], since old: String) {
        subjectsSince.withLock { $0[old] = subjects }
    }

    func commit(_ new: String) { newest.withLock { $0 = new } }

    /// The commit of one branch, tag or other ref.
    func commit(_ new: String, at ref: String) { commitsAt.withLock { $0[ref] = new } }

    func require(_ new: Requirements) { requirements.withLock { $0 = new } }
    func variables(_ new: [String: String]) { variables.withLock { $0 = new } }
    func release(_ plan: ReleasePlan?) { releasePlan.withLock { $0 = plan } }

    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan {
        if let fault = triggerFault.withLock(\.self) { throw fault }
        if guestOS.name == "broken" {
            throw TemplateFault("aibuild.yml:3:1: unknown key 'x'")
        }
        var commit: String?
        if case .git(_, let ref) = guestOS.template {
            commit =
                commitsAt.withLock { $0[ref] }
                ?? newest.withLock(\.self) + (ref.hasPrefix("try-") ? " at \(ref)" : "")
        }
        var plan = BuildPlan(
            template: TemplateArchive(
                sha256: String(repeating: "a", count: 64), sizeBytes: 10),
            commit: commit,
            recipe: BuildRecipe(
                builder: builder.withLock(\.self),
                variables: variables.withLock(\.self).merging(guestOS.variables) { $1 },
                environment: environment.withLock(\.self)),
            requirements: requirements.withLock(\.self), limits: AttemptLimits(),
            tests: tests.withLock(\.self), release: releasePlan.withLock(\.self),
            acceleratorReason: kvmReason.withLock(\.self))
        plan.withholdsSecrets = withholdsSecrets.withLock(\.self)
        if let own = kind.flatMap({ kind in triggerVariables.withLock { $0[kind] } }) {
            plan.override(VariableSet(texts: own), from: .trigger)
        }
        return plan
    }

    /// Variables of builds that triggers start.
    let triggerVariables = Mutex<[BuildOrigin.Kind: [String: String]]>([:])

    private let untouched = Mutex<Set<String>>([])

    /// Commits that change nothing of any image.
    func leaveUntouched(_ commits: String...) { untouched.withLock { $0.formUnion(commits) } }

    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool {
        untouched.withLock { !$0.contains(plan.commit ?? "") }
    }

    private let imageTriggers = Mutex(ImageTriggers())
    /// Of every image.
    func set(_ triggers: ImageTriggers) { imageTriggers.withLock { $0 = triggers } }

    func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String] {
        subjectsSince.withLock { $0[old ?? ""] ?? [] }
    }
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers {
        var triggers = imageTriggers.withLock(\.self)
        if let timed = timedTriggers.withLock({ $0[guestOS.name] }) { triggers.timed = timed }
        return triggers
    }

    private let timedTriggers = Mutex<[String: TriggerPlan]>([:])
    private let triggerFault = Mutex<TemplateFault?>(nil)
    private let mark = Mutex("ETag 1")

    /// What is in the template of the guest OS about times and parents.
    func set(_ plan: TriggerPlan, of guestOS: String) {
        timedTriggers.withLock { $0[guestOS] = plan }
    }

    /// Every plan fails with it; `nil`: none does.
    func fail(_ fault: TemplateFault?) { triggerFault.withLock { $0 = fault } }
    func setMark(_ new: String) { mark.withLock { $0 = new } }

    func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?) {
        (try await triggers(of: guestOS, in: plan(for: guestOS)), nil)
    }

    func mark(of watch: Watch) async throws -> String {
        mark.withLock(\.self)
    }

    func path(of archive: TemplateArchive) throws -> String { "/templates/\(archive.sha256).tar" }

    private let lastKept = Mutex<Set<String>?>(nil)
    /// What the last sweep had to keep.
    var kept: Set<String>? { lastKept.withLock(\.self) }

    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) {
        lastKept.withLock { $0 = digests }
    }
}
