import BuildProtocol

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
