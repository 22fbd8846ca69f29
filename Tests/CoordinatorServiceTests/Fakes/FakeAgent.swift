import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// An in-memory agent whose attempts a test controls, and whose messages it can distort.
final class FakeAgent: Sendable {
    enum Plan: Sendable {
        /// Writes a log and succeeds, with this image.
        case pass([UInt8])
        case fail(Fault)
        /// Runs until the test ends it.
        case hang
        case answer(ErrorReport.Code)
        /// Receives the message and does not answer.
        case silence
    }

    struct Settings: Sendable {
        var report: HostReport
        var plan: Plan = .pass(Array("image".utf8))
        /// The plan of test attempts, if they are to end differently.
        var testPlan: Plan?
        var imageFormat = ImageFormat.qcow2
        var imageName = "disk.qcow2"
        /// Does not stop an attempt that is cancelled, like a supervisor that was stopped.
        var ignoresCancel = false
        /// Names of test cases whose results are missing from the reports of test attempts.
        var forgottenTests: Set<String> = []
        /// Sent with every end.
        var remoteImages: [RemoteImage]?
        /// Sent with every end that is not a pass.
        var evidence: GuestEvidence?
        /// Ends each session at once, like a daemon that cannot encode its first message.
        var hangsUp = false
        /// Receives messages and does nothing, like a daemon that hangs.
        var isStuck = false
        /// The next log messages lose their first record, so that the rest begins too late.
        var gaps = 0
        /// The next complete logs have one wrong byte.
        var wrongLogs = 0
        /// The next messages are sent twice, each followed by a repetition of the one before.
        var repeats = 0
        var said: [CoordinatorMessage] = []
        var lastMessage: AgentMessage?
        var isUp = true

        func plan(for start: Start) -> Plan { start.tests == nil ? plan : testPlan ?? plan }
    }

    /// Shared with the work of the in-memory agent at the start of an attempt.
    final class State: Sendable {
        let settings: Mutex<Settings>

        init(_ settings: Settings) { self.settings = Mutex(settings) }
    }

    let name: String
    let base: InMemoryHostGateway
    private let state: State

    init(_ name: String, slots: Int = 2) {
        self.name = name
        let report = HostReport(
            slots: slots, vcpus: 8, memoryBytes: 32 << 30, diskFreeBytes: 500 << 30,
            diskTotalBytes: 500 << 30, accelerators: [.tcg], tags: [],
            runsTests: true, testAbilities: TestAbility.allCases.map(\.rawValue),
            buildAbilities: BuildAbility.allCases.map(\.rawValue),
            unixMilliseconds: ManualClock.unixStart + 1_000_000)
        let state = State(Settings(report: report))
        self.state = state
        var inMemory = InMemoryAgent(name: name, report: report) { SHA256.hex($0) }
        inMemory.agentID = "agent of \(name)"
        let agent = inMemory
        base = InMemoryHostGateway([agent]) { start, agent in
            let settings = state.settings.withLock(\.self)
            return Self.carryOut(settings.plan(for: start), start.attempt, settings, &agent)
        }
    }

    // MARK: The test's side

    func change(_ body: @Sendable (inout Settings) -> Void) async {
        state.settings.withLock { body(&$0) }
    }

    /// Breaks the session; the agent continues.
    func cut() async { await base.disconnect(name) }

    func goAway() async {
        state.settings.withLock { $0.isUp = false }
        await base.setReachable(false, name)
    }

    func comeBack() async {
        state.settings.withLock { $0.isUp = true }
        await base.setReachable(true, name)
    }

    func loseEverything() async {
        await base.change(name) { agent in
            agent.loseEverything()
            return []
        }
    }

    func write(_ token: AttemptToken, _ text: String) async {
        await base.change(name) { $0.write(token, Self.line(text)) }
    }

    func end(_ token: AttemptToken, _ plan: Plan) async {
        let settings = state.settings.withLock(\.self)
        await base.change(name) { Self.carryOut(plan, token, settings, &$0) }
    }

    func adopt(_ start: Start, log: String) async {
        await base.change(name) { agent in
            agent.adopt(start, log: Self.line(log))
            return []
        }
    }

    func send(_ message: AgentMessage) async { await base.change(name) { _ in [message] } }

    func hasSession() async -> Bool { await base.hasSession(name) }

    var hangsUp: Bool { state.settings.withLock(\.hangsUp) }

    var isUp: Bool { get async { state.settings.withLock(\.isUp) } }

    var attempts: [AttemptToken: InMemoryAgent.Attempt] {
        get async { await base.agent(name)?.attempts ?? [:] }
    }

    var tokens: [AttemptToken] { get async { await attempts.keys.sorted() } }

    var running: [AttemptToken] {
        get async { await attempts.filter { $0.value.result == nil }.keys.sorted() }
    }

    var said: [CoordinatorMessage] { get async { state.settings.withLock(\.said) } }

    func count(_ matching: (CoordinatorMessage) -> Bool) async -> Int {
        await said.count(where: matching)
    }

    // MARK: The coordinator's side

    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        let report = state.settings.withLock(\.report)
        await base.change(name) { agent in
            agent.report = report
            return []
        }
        return FaultyChannel(base: try await base.open(host, epoch: epoch), agent: self)
    }

    /// Passes a message on, unless the agent is stuck or has another plan for it.
    func hear(_ message: CoordinatorMessage, on channel: any HostChannel) async throws {
        let settings = state.settings.withLock { settings in
            settings.said.append(message)
            return settings
        }
        if settings.isStuck { return }
        if case .cancel = message, settings.ignoresCancel { return }
        if case .start(let start) = message, let agent = await base.agent(name),
            agent.attempts[start.attempt] == nil, agent.templates.contains(start.template.sha256)
        {
            switch settings.plan(for: start) {
            case .answer(let code):
                return await base.change(name) { [$0.refusal(code, start.attempt)] }
            case .silence: return
            case .pass, .fail, .hang: break
            }
        }
        try await channel.send(message)
    }

    /// The message as it arrives: with a gap, wrong, or repeated.
    func distort(_ message: AgentMessage) async -> [AgentMessage] {
        var hasEnded = false
        if case .log(let chunk) = message {
            hasEnded = await attempts[chunk.attempt]?.result != nil
        }
        return state.settings.withLock { settings in
            var message = message
            if case .log(var chunk) = message {
                guard Self.distort(&chunk, hasEnded, &settings) else { return [] }
                message = .log(chunk)
            }
            if case .finished(var finished) = message {
                finished.remoteImages = settings.remoteImages
                message = .finished(finished)
            }
            let before = settings.lastMessage
            settings.lastMessage = message
            guard settings.repeats > 0 else { return [message] }
            settings.repeats -= 1
            return [message, message] + (before.map { [$0] } ?? [])
        }
    }

    // MARK: Parts

    /// - Returns: whether anything is left of the chunk.
    private static func distort(
        _ chunk: inout LogChunk, _ hasEnded: Bool, _ settings: inout Settings
    ) -> Bool {
        var bytes = Array(chunk.data.utf8)
        if settings.gaps > 0, let newline = bytes.firstIndex(of: 0x0A) {
            settings.gaps -= 1
            chunk.cursor += Int64(newline + 1)
            bytes.removeFirst(newline + 1)
            if bytes.isEmpty { return false }
        }
        if settings.wrongLogs > 0, hasEnded {
            settings.wrongLogs -= 1
            bytes[bytes.endIndex - 4] ^= 1
        }
        chunk.data = String(decoding: bytes, as: UTF8.self)
        return true
    }

    private static func line(_ text: String) -> [UInt8] {
        Array("{\"t\":1,\"s\":\"out\",\"m\":\"\(text)\"}\n".utf8)
    }

    private static func carryOut(
        _ plan: Plan, _ token: AttemptToken, _ settings: Settings, _ agent: inout InMemoryAgent
    ) -> [AgentMessage] {
        guard let start = agent.attempts[token]?.start, agent.attempts[token]?.result == nil else {
            return []
        }
        switch plan {
        case .pass(let image):
            let image = (name: settings.imageName, format: settings.imageFormat, content: image)
            return agent.write(token, line("building on \(agent.name)"))
                + agent.finish(
                    token, Outcome(), artifacts: start.tests == nil ? [image] : [],
                    tests: results(start, nil, agent, settings))
        case .fail(let fault):
            return agent.write(token, line(fault.reason))
                + agent.finish(
                    token, Outcome(fault: fault), evidence: settings.evidence,
                    tests: results(start, fault, agent, settings))
        case .hang, .answer, .silence:
            return agent.write(token, line("begun on \(agent.name)"))
        }
    }

    /// A template fault is that of the first case.
    private static func results(
        _ start: Start, _ fault: Fault?, _ agent: InMemoryAgent, _ settings: Settings
    ) -> [TestResult]? {
        guard let tests = start.tests, fault?.class ?? .template == .template else { return nil }
        let logBytes = Int64(agent.attempts[start.attempt]?.log.count ?? 0)
        return tests.cases.enumerated().compactMap { index, test in
            if settings.forgottenTests.contains(test.name) { return nil }
            let failed = index == 0 ? fault : nil
            return TestResult(
                name: test.name, result: failed == nil ? .passed : .failed, milliseconds: 1_500,
                detail: failed?.reason ?? "", logFrom: 0, logTo: logBytes)
        }
    }
}

extension Start {
    /// `nil` for a build attempt.
    var tests: TestPlan? {
        if case .test(let plan) = recipe.builder { plan } else { nil }
    }
}

/// A session whose messages the test's agent may drop, distort and repeat.
actor FaultyChannel: HostChannel {
    nonisolated let hello: AgentHello
    private let base: any HostChannel
    private let agent: FakeAgent
    private var pending: [AgentMessage] = []

    init(base: any HostChannel, agent: FakeAgent) {
        hello = base.hello
        self.base = base
        self.agent = agent
    }

    func send(_ message: CoordinatorMessage) async throws {
        try await agent.hear(message, on: base)
    }

    func next() async throws -> AgentMessage? {
        while pending.isEmpty {
            if agent.hangsUp { return nil }
            guard let message = try await base.next() else { return nil }
            pending = await agent.distort(message)
        }
        return pending.removeFirst()
    }

    func close() async { await base.close() }
}
