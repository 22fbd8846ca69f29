public import BuildProtocol

/// The gateway to in-memory agents, for tests and simulations.
public actor InMemoryHostGateway: HostGateway {
    private var agents: [String: InMemoryAgent]
    private var channels: [String: InMemoryHostChannel] = [:]
    private var unreachable: Set<String> = []
    private let work: Work

    /// What happens to an attempt as soon as an agent has accepted it; returns the messages to
    /// send.
    public typealias Work = @Sendable (Start, inout InMemoryAgent) -> [AgentMessage]

    public init(
        _ agents: [InMemoryAgent] = [], work: @escaping Work = { _, _ in [] }
    ) {
        self.agents = Dictionary(agents.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.work = work
    }

    // MARK: The owner's side

    public func agent(_ name: String) -> InMemoryAgent? { agents[name] }

    /// Changes an agent and sends its messages to its session, if there is one.
    public func change(
        _ name: String, _ body: @Sendable (inout InMemoryAgent) -> [AgentMessage]
    ) async {
        // Removed for the call, so that the agent's logs are not copied.
        guard var agent = agents.removeValue(forKey: name) else { return }
        let messages = body(&agent)
        agents[name] = agent
        await channels[name]?.deliver(messages)
    }

    /// Ends the session of a host; its agent continues.
    public func disconnect(_ name: String) async { await channels.removeValue(forKey: name)?.end() }

    /// An unreachable host refuses every call and has no session.
    public func setReachable(_ isReachable: Bool, _ name: String) async {
        if isReachable {
            unreachable.remove(name)
        } else {
            unreachable.insert(name)
            await disconnect(name)
        }
    }

    public func hasSession(_ name: String) -> Bool { channels[name] != nil }

    // MARK: The port

    public nonisolated func checked(_ host: Host) throws -> Host {
        let parts = host.address.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw HostFault(.unusable, "'\(host.address)' is not user@host:port")
        }
        guard host.hostKey.split(separator: " ").count >= 2 else {
            throw HostFault(.unusable, "'\(host.hostKey)' is not a host key")
        }
        return host
    }

    public func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        let name = host.name
        var agent = try reachable(name)
        let hello = try agent.greet(epoch: epoch)
        agents[name] = agent
        let channel = InMemoryHostChannel(hello: hello, host: name, gateway: self)
        let old = channels.updateValue(channel, forKey: name)
        await old?.end()
        return channel
    }

    public func deliver(_ template: TemplateArchive, to host: Host) throws {
        var agent = try reachable(host.name)
        agent.receive(template)
        agents[host.name] = agent
    }

    public func check(_ start: Start, on host: Host) throws -> Fault? {
        let agent = try reachable(host.name)
        guard agent.templates.contains(start.template.sha256) else {
            throw HostFault(.refused, "host \(host.name) does not have the template")
        }
        return nil
    }

    public func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        let bytes = try reachable(host.name).bytes(
            of: artifact, attempt, offset: offset, length: length)
        if !bytes.isEmpty { try await sink(offset, bytes) }
    }

    public func scanHostKey(_ address: String) throws -> HostKey {
        HostKey(key: "ssh-ed25519 AAAA", fingerprint: "SHA256:in-memory")
    }

    // MARK: Parts

    private func reachable(_ name: String) throws -> InMemoryAgent {
        guard let agent = agents[name], !unreachable.contains(name) else {
            throw HostFault(.unreachable, "host \(name): connection refused")
        }
        return agent
    }

    /// A message of the coordinator, on a session that may have been replaced.
    func receive(_ message: CoordinatorMessage, on channel: InMemoryHostChannel) async throws {
        let name = channel.host
        guard channels[name] === channel else {
            throw HostFault(.unreachable, "session with \(name): closed")
        }
        await change(name) { [work] agent in
            guard case .start(let start) = message, agent.attempts[start.attempt] == nil else {
                return agent.receive(message)
            }
            let answers = agent.receive(message)
            return agent.attempts[start.attempt] == nil ? answers : answers + work(start, &agent)
        }
    }

    func close(_ channel: InMemoryHostChannel) {
        if channels[channel.host] === channel { channels[channel.host] = nil }
    }
}

/// One session with an agent in memory.
actor InMemoryHostChannel: HostChannel {
    nonisolated let hello: AgentHello
    nonisolated let host: String
    private let gateway: InMemoryHostGateway
    private var messages: [AgentMessage] = []
    private var hasEnded = false
    private var reader: CheckedContinuation<Void, Never>?

    init(hello: AgentHello, host: String, gateway: InMemoryHostGateway) {
        self.hello = hello
        self.host = host
        self.gateway = gateway
    }

    func send(_ message: CoordinatorMessage) async throws {
        guard !hasEnded else { throw HostFault(.unreachable, "session with \(host): closed") }
        try await gateway.receive(message, on: self)
    }

    func next() async throws -> AgentMessage? {
        while messages.isEmpty && !hasEnded {
            await withCheckedContinuation { reader = $0 }
        }
        guard !messages.isEmpty else {
            throw HostFault(.unreachable, "session with \(host): closed")
        }
        return messages.removeFirst()
    }

    func close() async {
        end()
        await gateway.close(self)
    }

    func deliver(_ new: [AgentMessage]) {
        guard !hasEnded else { return }
        messages += new
        wake()
    }

    func end() {
        hasEnded = true
        wake()
    }

    private func wake() {
        reader.take()?.resume()
    }
}
