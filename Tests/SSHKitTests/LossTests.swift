import LoopKit
import SSHKit
import Support
import TestSupport
import Testing

/// A connection that dies says so; nothing waits for ever.
@Suite(.timeLimit(.minutes(3))) struct LossTests {
    @Test func serverKilledWhileReadingAndWriting() async throws {
        try await withConnection { connection, server in
            let endless = try await connection.openChannel(command: "yes")
            let quiet = try await connection.openChannel(command: "exec sleep 20")
            let reading = Task {
                while try await !endless.read(upTo: 1 << 20).isEmpty {}
            }
            let waiting = Task { _ = try await quiet.read(upTo: 10) }
            let writing = Task { try await quiet.write(pattern(32 << 20)) }
            #expect(try await connection.output(of: "echo all run") == "all run\n")
            server.killSessions()
            for task in [reading, waiting, writing] {
                let error = try await sshError { try await task.value }
                #expect(error.code == .connectionLost, "\(error)")
                #expect(error.message.contains("127.0.0.1:\(server.port)"))
            }
            let error = try await sshError { _ = try await connection.openChannel(command: "true") }
            #expect(error.code == .connectionLost)
        }
    }

    /// What arrived before the end is read before the end is told.
    @Test func outputBeforeTheEndIsNotLost() async throws {
        try await withConnection { connection, server in
            let channel = try await connection.openChannel(
                command: "head -c 8000000 /dev/zero; echo ready >&2; exec cat")
            var count = try await channel.read(upTo: 1).count
            while await !channel.stderrTail.contains("ready") {
                count += try await channel.read(upTo: 1).count
            }
            server.killSessions()
            let error = try await sshError {
                while true { count += try await channel.read(upTo: 100_000).count }
            }
            #expect(error.code == .connectionLost)
            #expect(count == 8_000_000)
        }
    }

    @Test func deadPeerIsNoticedByKeepalive() async throws {
        let options = SSHOptions(connectTimeoutSeconds: 20, keepaliveSeconds: 1)
        try await withConnection(options: options) { connection, server in
            let channel = try await connection.openChannel(command: "cat")
            try await channel.write([1])
            #expect(try await channel.read(upTo: 10) == [1])
            server.freezeSessions()
            let error = try await sshError { _ = try await channel.read(upTo: 10) }
            #expect(error.code == .connectionLost)
            #expect(error.message.contains("has not answered for 3 s"))
        }
    }

    /// An idle connection to a living host stays, although nothing is said on it.
    @Test func idleConnectionLives() async throws {
        let options = SSHOptions(connectTimeoutSeconds: 20, keepaliveSeconds: 1)
        try await withConnection(options: options) { connection, _ in
            let channel = try await connection.openChannel(command: "sleep 6; echo awake")
            #expect(try await channel.readToEnd() == Array("awake\n".utf8))
            #expect(try await channel.exitStatus() == 0)
            #expect(try await connection.output(of: "echo on") == "on\n")
        }
    }

    /// A reader that takes its time is not mistaken for a dead host.
    @Test func slowReaderKeepsTheConnection() async throws {
        let loop = try sharedLoop.get()
        let options = SSHOptions(
            connectTimeoutSeconds: 20, keepaliveSeconds: 1, windowBytes: 256 << 10)
        try await withConnection(options: options) { connection, _ in
            let channel = try await connection.openChannel(command: "head -c 20000000 /dev/zero")
            _ = try await channel.read(upTo: 1)
            // Longer than three keepalives: that is what is tested.
            try await loop.sleep(untilMilliseconds: Clocks.monotonicMilliseconds() + 5000)
            #expect(try await channel.readToEnd().count == 19_999_999)
        }
    }

    /// A connection that is let go of is gone at the host too.
    @Test func forgottenConnectionIsClosed() async throws {
        try await withServer { server in
            do {
                let connection = try await server.connect(
                    options: SSHOptions(connectTimeoutSeconds: 20, keepaliveSeconds: 1))
                #expect(try await connection.output(of: "true") == "")
            }
            try await eventually("nobody is connected") { server.sessions.isEmpty }
        }
    }
}
