import BuildProtocol
import CoordinatorCore
import Synchronization

/// One session with an agent. Messages arrive in order or not at all; it may break at any of them.
final class SimulatedChannel: HostChannel {
    private struct State {
        var toCoordinator: [AgentMessage] = []
        var toAgent: [CoordinatorMessage] = []
        var isCarrying = false
        var hasEnded = false
        var reader: UnsafeContinuation<Void, Never>?
    }

    let hello: AgentHello
    private let agent: SimulatedAgent
    private let life: Life
    private let simulation: Simulation
    private let state = Mutex(State())

    init(hello: AgentHello, agent: SimulatedAgent, life: Life, simulation: Simulation) {
        self.hello = hello
        self.agent = agent
        self.life = life
        self.simulation = simulation
    }

    // MARK: The coordinator's end

    func send(_ message: CoordinatorMessage) async throws {
        try life.step()
        let begins = try state.withLock { state in
            if state.hasEnded {
                throw HostFault(.unreachable, "session with \(agent.name): closed")
            }
            state.toAgent.append(message)
            defer { state.isCarrying = true }
            return !state.isCarrying
        }
        if begins { Task { await self.carry() } }
    }

    func next() async throws -> AgentMessage? {
        while true {
            try life.step()
            await simulation.pause(upTo: 4)
            try life.step()
            let message = try state.withLock { state -> AgentMessage? in
                if !state.toCoordinator.isEmpty { return state.toCoordinator.removeFirst() }
                if state.hasEnded {
                    throw HostFault(.unreachable, "session with \(agent.name): closed")
                }
                return nil
            }
            if let message {
                if simulation.strikes(.sessionCut) { cut() }
                return message
            }
            await withUnsafeContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.hasEnded || !state.toCoordinator.isEmpty { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    func close() async { end(keeping: 0) }

    // MARK: The agent's end

    func deliver(_ message: AgentMessage) {
        let reader = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            guard !state.hasEnded else { return nil }
            state.toCoordinator.append(message)
            return state.reader.take()
        }
        reader?.resume()
    }

    /// The connection breaks; some of what was on its way still arrives.
    func cut() {
        let count = state.withLock { $0.toCoordinator.count }
        end(keeping: simulation.below(count + 1))
    }

    private func end(keeping count: Int) {
        let reader = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            state.hasEnded = true
            state.toAgent = []
            state.toCoordinator.removeSubrange(min(count, state.toCoordinator.count)...)
            return state.reader.take()
        }
        reader?.resume()
    }

    /// Brings what was sent to the agent, in order.
    private func carry() async {
        while true {
            await simulation.pause(upTo: 4)
            let message = state.withLock { state -> CoordinatorMessage? in
                if state.toAgent.isEmpty {
                    state.isCarrying = false
                    return nil
                }
                return state.toAgent.removeFirst()
            }
            guard let message else { return }
            if simulation.strikes(.sessionCut) { return cut() }
            await agent.hear(message, on: self)
        }
    }
}
