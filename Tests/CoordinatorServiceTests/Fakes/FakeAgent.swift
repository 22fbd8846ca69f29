import BuildProtocol
import CoordinatorCore
import Support

/// An agent in memory that speaks the protocol; a test decides what becomes of its attempts.
actor FakeAgent {
    enum Plan: Sendable {
        /// Writes a log and ends well, with this image.
        case pass([UInt8])
        case fail(Fault)
        /// Runs until the test ends it.
        case hang
        case answer(ErrorReport.Code)
        /// Takes the message and says nothing.
        case silence
    }

    struct Attempt {
        var start: Start
        var state = AttemptState.accepted
        var log: [UInt8] = []
        var image: [UInt8] = []
        var result: Finished?
        var isFollowed = false
    }

    let name: String
    var report: HostReport
    var plan: Plan = .pass(Array("image".utf8))
    /// For attempts that test, where they fare otherwise.
    var testPlan: Plan?
    var imageFormat = ImageFormat.qcow2
    /// Names of test cases that test attempts say nothing of.
    var forgottenTests: Set<String> = []
    /// Sent with every end that is no pass.
    var evidence: GuestEvidence?
    var isUp = true
    private(set) var attempts: [AttemptToken: Attempt] = [:]
    private(set) var templates: Set<String> = []
    private(set) var said: [CoordinatorMessage] = []
    private var channel: FakeChannel?
    private var epoch: Int64 = 0

    /// Takes what is said and does nothing, as a daemon that hangs.
    var isStuck = false
    /// The next log messages lose their first record; what is left begins too late.
    var gaps = 0
    /// The next complete logs are wrong in one byte.
    var wrongLogs = 0
    /// So many of the next messages come twice, and the one before each once more behind it.
    var repeats = 0
    private var lastSaid: AgentMessage?

    init(_ name: String, slots: Int = 2) {
        self.name = name
        report = HostReport(
            slots: slots, vcpus: 8, memoryBytes: 32 << 30, diskFreeBytes: 500 << 30,
            diskTotalBytes: 500 << 30, accelerators: [.tcg], tags: [],
            runsTests: true, testAbilities: TestAbility.allCases.map(\.rawValue),
            unixMilliseconds: ManualClock.unixStart + 1_000_000)
    }

    // MARK: The test's side

    func change(_ body: @Sendable (isolated FakeAgent) -> Void) { body(self) }

    /// The session breaks; the agent goes on.
    func cut() async {
        let old = channel
        channel = nil
        for token in attempts.keys { attempts[token]?.isFollowed = false }
        await old?.end()
    }

    func goAway() async {
        isUp = false
        await cut()
    }

    func comeBack() { isUp = true }

    /// The state folder is lost.
    func loseEverything() {
        attempts = [:]
        templates = []
    }

    func write(_ token: AttemptToken, _ text: String) async {
        let cursor = Int64(attempts[token]?.log.count ?? 0)
        append(token, text)
        if attempts[token]?.isFollowed == true { await sendLog(token, from: cursor) }
    }

    func end(_ token: AttemptToken, _ plan: Plan) async {
        let cursor = Int64(attempts[token]?.log.count ?? 0)
        await carryOut(plan, token)
        guard attempts[token]?.isFollowed == true else { return }
        await sendLog(token, from: cursor)
        await sendResult(token)
    }

    func adopt(_ start: Start, log: String) {
        attempts[start.attempt] = Attempt(start: start, state: .building)
        append(start.attempt, log)
    }

    func send(_ message: AgentMessage) async {
        let before = lastSaid
        lastSaid = message
        await channel?.deliver(message)
        guard repeats > 0 else { return }
        repeats -= 1
        await channel?.deliver(message)
        if let before { await channel?.deliver(before) }
    }

    func hasSession() async -> Bool {
        guard let channel else { return false }
        return await !channel.hasEnded
    }

    var tokens: [AttemptToken] { attempts.keys.sorted() }
    var running: [AttemptToken] { tokens.filter { attempts[$0]?.result == nil } }

    func count(_ matching: (CoordinatorMessage) -> Bool) -> Int { said.count(where: matching) }

    // MARK: The coordinator's side

    func open(epoch: Int64) async throws -> FakeChannel {
        guard isUp else { throw HostFault("host \(name): connection refused") }
        guard epoch >= self.epoch else {
            throw HostFault("host \(name) follows a coordinator of epoch \(self.epoch)")
        }
        self.epoch = epoch
        await channel?.end()
        for token in attempts.keys { attempts[token]?.isFollowed = false }
        let hello = AgentHello(
            agentVersion: "test", host: report,
            attempts: tokens.map {
                AttemptSummary(
                    attempt: $0, state: attempts[$0]?.state ?? .accepted,
                    logBytes: Int64(attempts[$0]?.log.count ?? 0))
            }, templates: templates.sorted())
        let channel = FakeChannel(hello: hello, agent: self)
        self.channel = channel
        return channel
    }

    func receive(_ template: TemplateArchive) throws {
        guard isUp else { throw HostFault("host \(name): connection refused") }
        templates.insert(template.sha256)
    }

    func image(_ token: AttemptToken) throws -> [UInt8] {
        guard isUp, let attempt = attempts[token] else { throw HostFault("host \(name) is away") }
        return attempt.image
    }

    func hear(_ message: CoordinatorMessage, on channel: FakeChannel) async throws {
        guard self.channel === channel else { throw HostFault("session with \(name): closed") }
        said.append(message)
        if isStuck { return }
        switch message {
        case .hello: break
        case .ping(let ping): await send(.pong(ping))
        case .start(let start): await begin(start)
        case .follow(let follow): await self.follow(follow)
        case .cancel(let cancel):
            guard attempts[cancel.attempt] != nil else {
                return await refuse(.unknownAttempt, cancel.attempt)
            }
            guard attempts[cancel.attempt]?.result == nil else { return }
            await end(cancel.attempt, .fail(Fault(.cancelled, .cancelled, cancel.reason)))
        case .forget(let forget): attempts[forget.attempt] = nil
        }
    }

    // MARK: Parts

    private func begin(_ start: Start) async {
        guard templates.contains(start.template.sha256) else {
            return await refuse(.templateMissing, start.attempt)
        }
        if attempts[start.attempt] == nil {
            let plan = start.tests == nil ? plan : testPlan ?? plan
            switch plan {
            case .answer(let code): return await refuse(code, start.attempt)
            case .silence: return
            case .pass, .fail, .hang: break
            }
            attempts[start.attempt] = Attempt(start: start)
            await carryOut(plan, start.attempt)
        }
        let state = attempts[start.attempt]?.state ?? .accepted
        await send(.phase(Phase(attempt: start.attempt, state: state)))
    }

    private func refuse(_ code: ErrorReport.Code, _ token: AttemptToken) async {
        await send(.error(ErrorReport(code: code, message: "\(name): \(code)", attempt: token)))
    }

    private func carryOut(_ plan: Plan, _ token: AttemptToken) async {
        guard attempts[token]?.result == nil else { return }
        switch plan {
        case .pass(let image):
            append(token, "building on \(name)")
            if attempts[token]?.start.tests == nil { attempts[token]?.image = image }
            finish(token, nil)
        case .fail(let fault):
            append(token, fault.reason)
            finish(token, fault)
        case .hang, .answer, .silence:
            attempts[token]?.state = .building
            append(token, "begun on \(name)")
        }
    }

    private func append(_ token: AttemptToken, _ text: String) {
        attempts[token]?.log += Array("{\"t\":1,\"s\":\"out\",\"m\":\"\(text)\"}\n".utf8)
    }

    private func finish(_ token: AttemptToken, _ fault: Fault?) {
        guard let attempt = attempts[token] else { return }
        let artifacts =
            attempt.image.isEmpty
            ? []
            : [
                Artifact(
                    name: "disk.qcow2", sizeBytes: Int64(attempt.image.count),
                    sha256: SHA256.hex(attempt.image), format: imageFormat)
            ]
        attempts[token]?.state = .finished
        attempts[token]?.result = Finished(
            attempt: token, outcome: Outcome(fault: fault), logBytes: Int64(attempt.log.count),
            logSHA256: SHA256.hex(attempt.log), artifacts: artifacts, accelerator: .tcg,
            startedUnixMilliseconds: 1, endedUnixMilliseconds: 2,
            evidence: fault == nil ? nil : evidence, tests: results(attempt, fault))
    }

    /// A template fault is that of the first case.
    private func results(_ attempt: Attempt, _ fault: Fault?) -> [TestResult]? {
        guard let tests = attempt.start.tests, fault?.class ?? .template == .template else {
            return nil
        }
        return tests.cases.enumerated().compactMap { index, test in
            if forgottenTests.contains(test.name) { return nil }
            let failed = index == 0 ? fault : nil
            return TestResult(
                name: test.name, result: failed == nil ? .passed : .failed, milliseconds: 1_500,
                detail: failed?.reason ?? "", logFrom: 0, logTo: Int64(attempt.log.count))
        }
    }

    private func follow(_ follow: Follow) async {
        guard attempts[follow.attempt] != nil else {
            return await refuse(.unknownAttempt, follow.attempt)
        }
        attempts[follow.attempt]?.isFollowed = true
        await sendLog(follow.attempt, from: follow.cursor)
        await sendResult(follow.attempt)
    }

    private func sendLog(_ token: AttemptToken, from cursor: Int64) async {
        guard var bytes = attempts[token]?.log.dropFirst(Int(cursor)), !bytes.isEmpty else {
            return
        }
        var cursor = cursor
        if gaps > 0, let newline = bytes.firstIndex(of: 0x0A) {
            gaps -= 1
            cursor += Int64(newline + 1 - bytes.startIndex)
            bytes = bytes[(newline + 1)...]
            if bytes.isEmpty { return }
        }
        if wrongLogs > 0, attempts[token]?.result != nil {
            wrongLogs -= 1
            bytes[bytes.endIndex - 4] ^= 1
        }
        let data = String(decoding: bytes, as: UTF8.self)
        await send(.log(LogChunk(attempt: token, cursor: cursor, data: data)))
    }

    private func sendResult(_ token: AttemptToken) async {
        if let result = attempts[token]?.result { await send(.finished(result)) }
    }
}

extension Start {
    /// `nil` for an attempt that builds.
    var tests: TestPlan? {
        if case .test(let plan) = recipe.builder { plan } else { nil }
    }
}

/// One session with a fake agent.
actor FakeChannel: HostChannel {
    nonisolated let hello: AgentHello
    private let agent: FakeAgent
    private var messages: [AgentMessage] = []
    private(set) var hasEnded = false
    private var reader: CheckedContinuation<Void, Never>?

    init(hello: AgentHello, agent: FakeAgent) {
        self.hello = hello
        self.agent = agent
    }

    func send(_ message: CoordinatorMessage) async throws {
        guard !hasEnded else { throw HostFault("session with \(agent.name): closed") }
        try await agent.hear(message, on: self)
    }

    func next() async throws -> AgentMessage? {
        while messages.isEmpty && !hasEnded {
            await withCheckedContinuation { reader = $0 }
        }
        if messages.isEmpty { throw HostFault("session with \(agent.name): closed") }
        return messages.removeFirst()
    }

    func close() { end() }

    func deliver(_ message: AgentMessage) {
        guard !hasEnded else { return }
        messages.append(message)
        wake()
    }

    func end() {
        hasEnded = true
        wake()
    }

    private func wake() {
        reader?.resume()
        reader = nil
    }
}
