public import BuildProtocol

/// An agent without a host, as a value, for tests and simulations. It answers messages as
/// `aibuild-agent` does; its owner decides the outcome of each attempt. It uses no time and no
/// randomness, so the same calls give the same messages.
public struct InMemoryAgent: Sendable {
    public struct Attempt: Sendable {
        public let start: Start
        public internal(set) var state = AttemptState.accepted
        public internal(set) var log: [UInt8] = []
        /// Contents of the artifacts, by name.
        public internal(set) var files: [String: [UInt8]] = [:]
        public internal(set) var result: Finished?
        var isFollowed = false
    }

    public let name: String
    public var report: HostReport
    public var agentID: String?
    public private(set) var attempts: [AttemptToken: Attempt] = [:]
    public private(set) var templates: Set<String> = []
    public private(set) var plugins: Set<PackerPlugin> = []
    private var epoch: Int64 = 0
    private let sha256: @Sendable ([UInt8]) -> String

    /// - Parameter sha256: the digest that the coordinator's log store computes as well.
    public init(
        name: String, report: HostReport, sha256: @escaping @Sendable ([UInt8]) -> String
    ) {
        self.name = name
        self.report = report
        self.sha256 = sha256
    }

    // MARK: The coordinator's side

    /// Opens a session, which replaces the one before it.
    mutating func greet(epoch new: Int64) throws -> AgentHello {
        guard new >= epoch else {
            throw HostFault(.refused, "host \(name) follows a coordinator of epoch \(epoch)")
        }
        epoch = new
        for token in attempts.keys { attempts[token]?.isFollowed = false }
        return AgentHello(
            agentVersion: "in-memory", agentID: agentID, host: report,
            attempts: attempts.sorted { $0.key < $1.key }.map { token, attempt in
                AttemptSummary(
                    attempt: token, state: attempt.state, logBytes: Int64(attempt.log.count))
            }, templates: templates.sorted())
    }

    mutating func receive(_ template: TemplateArchive) { templates.insert(template.sha256) }

    /// - Returns: the agent's answers, in order.
    mutating func receive(_ message: CoordinatorMessage) -> [AgentMessage] {
        switch message {
        case .hello: return []
        case .ping(let ping): return [.pong(ping)]
        case .start(let start): return begin(start)
        case .follow(let follow):
            guard attempts[follow.attempt] != nil else { return unknown(follow.attempt) }
            attempts[follow.attempt]?.isFollowed = true
            return news(of: follow.attempt, from: follow.cursor)
        case .cancel(let cancel):
            guard let attempt = attempts[cancel.attempt] else { return unknown(cancel.attempt) }
            guard attempt.result == nil else { return [] }
            return finish(
                cancel.attempt,
                Outcome(fault: Fault(.cancelled, .cancelled, cancel.reason)))
        case .forget(let forget):
            attempts[forget.attempt] = nil
            return []
        case .plugins(let list): return settle(list.plugins)
        }
    }

    func bytes(
        of artifact: Artifact, _ token: AttemptToken, offset: Int64, length: Int64
    ) throws -> [UInt8] {
        guard let content = attempts[token]?.files[artifact.name], offset >= 0, length >= 0,
            offset <= content.count, length <= Int64(content.count) - offset
        else {
            throw HostFault(.refused, "host \(name) cannot send \(artifact.name): it is not there")
        }
        return Array(content[Int(offset)..<Int(offset + length)])
    }

    // MARK: The owner's side

    /// Appends whole lines to the log of an attempt.
    /// - Returns: the messages to a coordinator that follows the attempt.
    public mutating func write(_ token: AttemptToken, _ lines: [UInt8]) -> [AgentMessage] {
        guard let size = attempts[token]?.log.count, attempts[token]?.result == nil else {
            return []
        }
        if attempts[token]?.state == .accepted { attempts[token]?.state = .building }
        attempts[token]?.log += lines
        return attempts[token]?.isFollowed == true ? news(of: token, from: Int64(size)) : []
    }

    /// Ends an attempt.
    /// - Parameter artifacts: with their contents; their sizes and digests are computed.
    /// - Returns: the messages to a coordinator that follows the attempt.
    public mutating func finish(
        _ token: AttemptToken, _ outcome: Outcome,
        artifacts: [(name: String, format: ImageFormat, content: [UInt8])] = [],
        evidence: GuestEvidence? = nil, tests: [TestResult]? = nil
    ) -> [AgentMessage] {
        guard let attempt = attempts[token], attempt.result == nil else { return [] }
        for artifact in artifacts { attempts[token]?.files[artifact.name] = artifact.content }
        attempts[token]?.state = .finished
        attempts[token]?.result = Finished(
            attempt: token, outcome: outcome, logBytes: Int64(attempt.log.count),
            logSHA256: sha256(attempt.log),
            artifacts: artifacts.map { artifact in
                Artifact(
                    name: artifact.name, sizeBytes: Int64(artifact.content.count),
                    sha256: sha256(artifact.content), format: artifact.format)
            }, accelerator: report.accelerators.contains(.kvm) ? .kvm : .tcg,
            startedUnixMilliseconds: report.unixMilliseconds,
            endedUnixMilliseconds: report.unixMilliseconds, evidence: evidence, tests: tests)
        return attempt.isFollowed ? news(of: token, from: Int64(attempt.log.count)) : []
    }

    /// Adds an attempt that was started earlier and has this log.
    public mutating func adopt(_ start: Start, log: [UInt8]) {
        attempts[start.attempt] = Attempt(start: start, state: .building, log: log)
    }

    /// Loses everything, like an agent whose disk was replaced.
    public mutating func loseEverything() {
        attempts = [:]
        templates = []
    }

    // MARK: Parts

    /// All plugins of an agent in memory are the coordinator's.
    private mutating func settle(_ wanted: [PackerPlugin]) -> [AgentMessage] {
        guard let platform = report.pluginPlatform else {
            return [.plugins(MissingPlugins(missing: []))]
        }
        plugins.formIntersection(wanted)
        for plugin in wanted where templates.remove(plugin.sha256) != nil { plugins.insert(plugin) }
        let missing = wanted.filter { !plugins.contains($0) }.map(\.sha256)
        let before = report
        report.packerPlugins = plugins.versions(for: platform)
        let answer = AgentMessage.plugins(MissingPlugins(missing: missing))
        return report == before ? [answer] : [answer, .host(report)]
    }

    private mutating func begin(_ start: Start) -> [AgentMessage] {
        guard templates.contains(start.template.sha256) else {
            return [refusal(.templateMissing, start.attempt)]
        }
        let attempt = attempts[start.attempt] ?? Attempt(start: start)
        attempts[start.attempt] = attempt
        return [.phase(Phase(attempt: start.attempt, state: attempt.state))]
    }

    private func unknown(_ token: AttemptToken) -> [AgentMessage] {
        [refusal(.unknownAttempt, token)]
    }

    public func refusal(_ code: ErrorReport.Code, _ token: AttemptToken) -> AgentMessage {
        .error(ErrorReport(code: code, message: "\(name): \(code)", attempt: token))
    }

    /// The log from the cursor on, and the result once the log is complete.
    private func news(of token: AttemptToken, from cursor: Int64) -> [AgentMessage] {
        guard let attempt = attempts[token] else { return [] }
        var messages: [AgentMessage] = []
        if cursor >= 0, cursor < attempt.log.count {
            let data = String(decoding: attempt.log[Int(cursor)...], as: UTF8.self)
            messages.append(.log(LogChunk(attempt: token, cursor: cursor, data: data)))
        }
        if let result = attempt.result { messages.append(.finished(result)) }
        return messages
    }
}
