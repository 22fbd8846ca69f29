import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// A host accepts only the leading coordinator.
@Suite struct EpochTests {
    private func refusal(_ agent: TestAgent, epoch: Int64?) async throws -> ErrorReport {
        let client = try await TestClient(agent.state.socket)
        try await client.send(.hello(CoordinatorHello(epoch: epoch)))
        guard case .error(let error) = try await client.answer() else { throw Failure("no error") }
        await #expect(throws: (any Error).self, "the session ends") { try await client.answer() }
        return error
    }

    @Test("A higher lease epoch ends sessions of a lower one, which is refused from then on")
    func higherEpochEndsLower() async throws {
        try await withAgent { agent in
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
        }
    }

    /// Such an epoch would lock out every later coordinator.
    @Test("An epoch that no takeover can have reached is refused")
    func impossibleEpochIsRefused() async throws {
        try await withAgent { agent in
            let old = try await TestClient(agent.state.socket)
            _ = try await old.greet(epoch: 5)
            for epoch in [5 + AgentLimits.epochJump + 1, Int64.max] {
                #expect(try await refusal(agent, epoch: epoch).message.contains("does not believe"))
            }
            let next = try await TestClient(agent.state.socket)
            _ = try await next.greet(epoch: 6)
        }
    }

    @Test("The lease epoch survives a restart of the daemon")
    func epochSurvivesRestart() async throws {
        try await withAgent { agent in
            let client = try await TestClient(agent.state.socket)
            _ = try await client.greet(epoch: 9)
            try await agent.restartDaemon()
            #expect(try await refusal(agent, epoch: 8).code == .deposed)
        }
    }

    /// The agent had received them before the next leader connected.
    @Test("A start of a superseded coordinator is not carried out")
    func supersededStartIsDropped() async throws {
        let folder = try TemporaryFolder()
        // The probe of the host, and with it the answer to the first message, waits for it.
        let (go, program) = (folder.path + "/go", folder.path + "/qemu-system-x86_64")
        let script = "#!/bin/sh\nwhile [ ! -e \(go) ]; do sleep 0.05; done\nexit 1\n"
        try Files.replace(program, with: Array(script.utf8), mode: 0o755)
        try await withAgent("qemu_system: \(program)\n") { agent in
            let start = agent.start(try await agent.deliver(script: "true"))
            func remembered(_ epoch: Int64) -> Bool {
                (try? Files.read(agent.state.epoch, limitBytes: 9)) == Array("\(epoch)\n".utf8)
            }
            let old = try await TestClient(agent.state.socket)
            let words = try [CoordinatorMessage.hello(CoordinatorHello(epoch: 1)), .start(start)]
                .flatMap { try LineCodec.encode($0) }
            try await old.send(raw: String(decoding: words, as: UTF8.self))
            try await eventually("the first one leads") { remembered(1) }
            let next = try await TestClient(agent.state.socket)
            try await next.send(.hello(CoordinatorHello(epoch: 2)))
            try await eventually("the second one leads") { remembered(2) }
            try Files.replace(go, with: [])
            guard case .hello = try await next.answer() else { throw Failure("no hello") }
            for id in Int64(0)..<20 {
                try await next.send(.ping(Ping(id: id)))
                _ = try await next.answer()
            }
            #expect(try Files.list(agent.state.attempts).isEmpty)
        }
    }
}
