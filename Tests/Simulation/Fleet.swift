import CoordinatorCore
import Synchronization

/// The hosts that there are, by name, whether or not they are registered.
final class Fleet: Sendable {
    private struct State {
        var agents: [SimulatedAgent] = []
        var byName: [String: SimulatedAgent] = [:]
    }

    private let state = Mutex(State())

    func add(_ agent: SimulatedAgent) {
        state.withLock { state in
            state.agents.append(agent)
            state.byName[agent.name] = agent
        }
    }

    var agents: [SimulatedAgent] { state.withLock(\.agents) }

    /// - Throws: `HostFault`
    func agent(_ host: Host) throws -> SimulatedAgent {
        guard let agent = state.withLock({ $0.byName[host.name] }) else {
            throw HostFault(.unreachable, "host \(host.name): no route to host")
        }
        return agent
    }
}
