import LoopKit
import Support
import TestSupport
import Testing

@testable import SSHKit

/// An agent whose user never confirms: it offers a key, and signs nothing.
private final class HesitantAgent: Sendable {
    let path: String
    let asked = Counter()
    private let serving: Task<Void, any Error>

    actor Counter {
        private(set) var count = 0
        func add() { count += 1 }
    }

    init(path: String, key: SSHHostKey, loop: EventLoop) throws {
        self.path = path
        let listener = try UnixListener(path: path, loop: loop)
        let names = [12] + Wire.uint32(1) + Wire.string(key.blob) + Wire.string(Array("key".utf8))
        serving = Task { [asked] in
            defer { listener.close() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                while true {
                    let peer = try await listener.accept()
                    group.addTask {
                        var queue = ByteQueue(stream: peer)
                        while let head = try? await queue.bytes(4) {
                            var length = WireReader(head)
                            let message = try await queue.bytes(Int(length.uint32()))
                            if message[0] == 11 {
                                try await peer.write(Wire.string(names))
                            } else {
                                await asked.add()
                            }
                        }
                    }
                }
            }
        }
    }

    deinit { serving.cancel() }
}

@Suite("Login by an agent", .timeLimit(.minutes(3))) struct AgentLoginTests {
    /// libssh talks to an agent by a blocking call. Logins that are cancelled meanwhile must return
    /// their threads, of which there are fewer than logins here, and must not block others.
    @Test("Logins that wait for an agent can be called off", arguments: SSHOptions.Library.both)
    func calledOff(library: SSHOptions.Library) async throws {
        try await withServer { server in
            let key = try SSHHostKey(
                String(
                    decoding: Files.read(server.keyFile() + ".pub", limitBytes: 4096),
                    as: UTF8.self))
            let agent = try HesitantAgent(
                path: "\(server.folder)/agent", key: key, loop: sharedLoop.get())
            for round in 1...3 {
                let logins = (0..<8).map { _ in
                    Task {
                        try await server.connect(
                            options(library), as: .agent(socketPath: agent.path))
                    }
                }
                try await eventually("all wait for the agent") {
                    await agent.asked.count == round * logins.count
                }
                let free = try await server.connect(options(library))
                #expect(try await free.output(of: "echo free") == "free\n")
                await free.close()
                for login in logins { login.cancel() }
                for login in logins {
                    await #expect(throws: CancellationError.self) { try await login.value }
                }
                try await eventually("sshd has no sessions left") { server.sessions.isEmpty }
            }
            withExtendedLifetime(agent) {}
        }
    }
}
