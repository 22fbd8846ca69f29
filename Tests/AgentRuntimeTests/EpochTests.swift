import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// One coordinator leads; the host hears no other.
@Suite struct EpochTests {
    private func refusal(_ agent: TestAgent, epoch: Int64?) async throws -> ErrorReport {
        let client = try await TestClient(agent.state.socket)
        try await client.send(.hello(CoordinatorHello(epoch: epoch)))
        guard case .error(let error) = try await client.answer() else { throw Failure("no error") }
        await #expect(throws: (any Error).self, "the session ends") { try await client.answer() }
        return error
    }

    @Test func aLowerEpochIsRefusedAndAHigherOneEndsIt() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let old = try await TestClient(agent.state.socket)
        _ = try await old.greet(epoch: 5)
        let new = try await TestClient(agent.state.socket)
        _ = try await new.greet(epoch: 6)
        await #expect(throws: (any Error).self, "the old session ended") {
            while true { _ = try await old.next() }
        }
        for epoch in [5, 0, nil] as [Int64?] {
            let error = try await refusal(agent, epoch: epoch)
            #expect(error.code == .deposed)
            #expect(error.message.contains("epoch 6"))
        }
        try await new.send(.ping(Ping(id: 1)))
        guard case .pong = try await new.answer() else { throw Failure("no pong") }
        let again = try await TestClient(agent.state.socket)
        _ = try await again.greet(epoch: 6)
        _ = daemon.pid
    }

    @Test func theEpochIsRememberedOverARestart() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await TestClient(agent.state.socket)
        _ = try await client.greet(epoch: 9)
        try daemon.crash()
        let second = try await agent.startDaemon()
        #expect(try await refusal(agent, epoch: 8).code == .deposed)
        _ = second.pid
    }
}
