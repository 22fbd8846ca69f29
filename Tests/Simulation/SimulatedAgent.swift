import BuildProtocol
import CoordinatorCore
import Support

/// A host with its agent, as the protocol shows them: it remembers its attempts over lost sessions
/// and its own restarts, follows the highest epoch only, and deletes what it is told to forget.
actor SimulatedAgent {
    struct Attempt {
        var start: Start
        var script: AttemptScript
        var state = AttemptState.accepted
        var log: [UInt8] = []
        var image: [UInt8] = []
        var result: Finished?
        /// How much of the log the session that follows has been sent; `nil`: none follows.
        var sentBytes: Int?
        var isResultSent = false
    }

    static let slots = 4
    static let memoryBytes = Int64(slots) << 31
    nonisolated let name: String
    let simulation: Simulation
    private(set) var attempts: [AttemptToken: Attempt] = [:]
    private var templates: Set<String> = []
    private var epoch: Int64 = 0
    private var channel: SimulatedChannel?
    private(set) var sessionSince: Int64?
    private var upFrom: Int64 = 0
    /// It takes messages and does nothing with them.
    private var frozenUntil: Int64 = 0

    init(_ name: String, simulation: Simulation) {
        self.name = name
        self.simulation = simulation
    }

    // MARK: Faults

    /// The daemon ends; its supervisors and what they run go on.
    func restart(awayMilliseconds: Int) { goDown(awayMilliseconds) }

    /// The machine goes down with all that runs on it.
    /// - Parameter forgets: its disk is lost as well.
    func reboot(awayMilliseconds: Int, forgets: Bool = false) {
        goDown(awayMilliseconds)
        if forgets {
            attempts = [:]
            templates = []
        }
        for (token, attempt) in attempts where attempt.result == nil {
            finish(token, Fault(.infrastructure, .supervisorLost, "\(name) was restarted"))
        }
    }

    private func goDown(_ milliseconds: Int) {
        upFrom = max(upFrom, now + Int64(milliseconds))
        channel?.cut()
        channel = nil
        sessionSince = nil
    }

    func cut() { channel?.cut() }

    func freeze(milliseconds: Int) {
        let until = now + Int64(milliseconds)
        frozenUntil = until
        Task {
            try? await simulation.clock.sleep(untilMonotonicMilliseconds: until)
            self.sendAll()
        }
    }

    /// Numbers that no honest agent sends; honest ones follow.
    func lie() {
        simulation.ledger.lied(name)
        var report = self.report
        let number = [Int.min, -1, 0, 1, Int.max][simulation.below(5)]
        switch simulation.below(5) {
        case 0: report.slots = number
        case 1: report.vcpus = number
        case 2: report.memoryBytes = Int64(number)
        case 3: report.diskFreeBytes = Int64(number)
        default: report.unixMilliseconds = Int64(number)
        }
        send(.host(report))
        if let token = attempts.keys.min() {
            send(.log(LogChunk(attempt: token, cursor: Int64(number), data: "x")))
        }
        Task {
            try? await simulation.clock.wait(milliseconds: 3_000)
            self.send(.host(self.report))
        }
    }

    func comeBack() { upFrom = min(upFrom, now) }

    // MARK: The coordinator's side

    var isUp: Bool { now >= upFrom }
    private var isFrozen: Bool { now < frozenUntil }
    private var now: Int64 { simulation.clock.monotonicMilliseconds() }

    private var report: HostReport {
        HostReport(
            slots: Self.slots, vcpus: Self.slots * 2, memoryBytes: Self.memoryBytes,
            diskFreeBytes: 500 << 30, diskTotalBytes: 500 << 30, accelerators: [.tcg, .kvm],
            tags: [], runsTests: true, testAbilities: TestAbility.allCases.map(\.rawValue),
            buildAbilities: BuildAbility.allCases.map(\.rawValue),
            unixMilliseconds: simulation.clock.unixMilliseconds())
    }

    func open(epoch: Int64, life: Life) throws -> SimulatedChannel {
        guard isUp, !isFrozen else {
            throw HostFault(.unreachable, "host \(name): connection refused")
        }
        guard epoch >= self.epoch else {
            throw HostFault(.refused, "host \(name) follows a coordinator of epoch \(self.epoch)")
        }
        self.epoch = epoch
        channel?.cut()
        for token in attempts.keys { attempts[token]?.sentBytes = nil }
        let summaries = attempts.keys.sorted().map { token in
            AttemptSummary(
                attempt: token, state: attempts[token]?.state ?? .accepted,
                logBytes: Int64(attempts[token]?.log.count ?? 0))
        }
        let hello = AgentHello(
            agentVersion: "simulated", host: report, attempts: summaries,
            templates: templates.sorted())
        let channel = SimulatedChannel(
            hello: hello, agent: self, life: life, simulation: simulation)
        self.channel = channel
        sessionSince = now
        simulation.trace.line("\(name) session with \(life.name), epoch \(epoch)")
        return channel
    }

    func receive(_ template: TemplateArchive) throws {
        guard isUp else { throw HostFault(.unreachable, "host \(name): connection refused") }
        templates.insert(template.sha256)
    }

    func image(_ token: AttemptToken) throws -> [UInt8] {
        guard isUp, let attempt = attempts[token], !attempt.script.isUnreadable else {
            throw HostFault(.refused, "host \(name): cannot read attempt \(token)")
        }
        return attempt.image
    }

    func hear(_ message: CoordinatorMessage, on channel: SimulatedChannel) async {
        while isFrozen {
            try? await simulation.clock.sleep(untilMonotonicMilliseconds: frozenUntil)
        }
        guard self.channel === channel, isUp else { return }
        switch message {
        case .hello: break
        case .ping(let ping): send(.pong(ping))
        case .plugins: break
        case .start(let start): begin(start)
        case .follow(let follow):
            guard attempts[follow.attempt] != nil else {
                return refuse(.unknownAttempt, follow.attempt)
            }
            attempts[follow.attempt]?.sentBytes = Int(follow.cursor)
            attempts[follow.attempt]?.isResultSent = false
            sendNews(follow.attempt)
        case .cancel(let cancel):
            guard let attempt = attempts[cancel.attempt] else {
                return refuse(.unknownAttempt, cancel.attempt)
            }
            guard attempt.result == nil else { return }
            finish(cancel.attempt, Fault(.cancelled, .cancelled, cancel.reason))
            sendNews(cancel.attempt)
        case .forget(let forget):
            guard attempts.removeValue(forKey: forget.attempt) != nil else { return }
            simulation.trace.line("\(name) forgets \(forget.attempt)")
        }
    }

    // MARK: Attempts

    private func begin(_ start: Start) {
        let token = start.attempt
        guard templates.contains(start.template.sha256) else {
            return refuse(.templateMissing, token)
        }
        if attempts[token] == nil {
            let running = attempts.values.count { $0.result == nil }
            if running >= Self.slots || simulation.strikes(.attemptRefused) {
                return refuse(.refused, token)
            }
            let script = AttemptScript(start, simulation)
            attempts[token] = Attempt(start: start, script: script)
            simulation.ledger.began(token, of: start.build.id, on: name)
            Task { await self.carryOut(script, token) }
        }
        let state = attempts[token]?.state ?? .accepted
        send(.phase(Phase(attempt: token, state: state)))
    }

    private func carryOut(_ script: AttemptScript, _ token: AttemptToken) async {
        for step in script.steps {
            try? await simulation.clock.wait(milliseconds: step.afterMilliseconds)
            guard let attempt = attempts[token], attempt.result == nil else { return }
            if attempt.state != step.state {
                attempts[token]?.state = step.state
                send(.phase(Phase(attempt: token, state: step.state)))
            }
            append(step.text, to: token)
            sendNews(token)
        }
        if script.killsHost {
            simulation.count(.killsHost, name)
            return reboot(awayMilliseconds: simulation.within(5_000...90_000))
        }
        if !script.image.isEmpty { attempts[token]?.image = script.image }
        finish(token, script.fault)
        sendNews(token)
    }

    private func append(_ text: String, to token: AttemptToken) {
        attempts[token]?.log += Array("{\"t\":\(now),\"s\":\"out\",\"m\":\"\(text)\"}\n".utf8)
    }

    private func finish(_ token: AttemptToken, _ fault: Fault?) {
        if let fault { append(fault.reason, to: token) }
        guard let attempt = attempts[token] else { return }
        attempts[token]?.state = .finished
        let result = attempt.script.result(of: attempt, fault)
        attempts[token]?.result = result
        simulation.ledger.finished(result, on: name)
    }

    // MARK: Messages

    private func refuse(_ code: ErrorReport.Code, _ token: AttemptToken) {
        send(.error(ErrorReport(code: code, message: "\(name): \(code)", attempt: token)))
    }

    private func send(_ message: AgentMessage) {
        guard let channel, isUp, !isFrozen else { return }
        channel.deliver(message)
        if simulation.strikes(.messageTwice) { channel.deliver(message) }
    }

    /// What came while nothing could be sent.
    private func sendAll() { for token in attempts.keys.sorted() { sendNews(token) } }

    /// What the session that follows has not been sent yet.
    private func sendNews(_ token: AttemptToken) {
        guard channel != nil, isUp, !isFrozen, let attempt = attempts[token],
            var sent = attempt.sentBytes
        else { return }
        if sent < attempt.log.count {
            if simulation.strikes(.logGap),
                let newline = attempt.log[sent...].firstIndex(of: 0x0A)
            {
                sent = newline + 1
            }
            var bytes = attempt.log[sent...]
            if bytes.count > 8, simulation.strikes(.logWrong) { bytes[bytes.endIndex - 4] ^= 1 }
            if !bytes.isEmpty {
                let data = String(decoding: bytes, as: UTF8.self)
                send(.log(LogChunk(attempt: token, cursor: Int64(sent), data: data)))
            }
            attempts[token]?.sentBytes = attempt.log.count
        }
        if let result = attempt.result, !attempt.isResultSent {
            attempts[token]?.isResultSent = true
            send(.finished(attempt.script.told(result)))
        }
    }
}
