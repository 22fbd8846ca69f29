import LoopKit
import SSHKit
import Support
import TestSupport
import Testing

/// A connection that dies or is cancelled reports it at once; nothing waits for ever.
@Suite("Loss", .timeLimit(.minutes(3))) struct LossTests {
    @Test(
        "A server killed in mid-transfer ends all who wait on it",
        arguments: SSHOptions.Library.both)
    func serverKilled(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, server in
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
                // libssh2 keeps the message of an earlier call.
                #expect(!"\(error)".lowercased().contains("would block"), "\(error)")
            }
            let error = try await sshError { _ = try await connection.openChannel(command: "true") }
            #expect(error.code == .connectionLost)
        }
    }

    @Test("Output that came before the end of the connection is not lost")
    func outputBeforeTheEnd() async throws {
        try await withConnection(options(.libssh2)) { connection, server in
            let channel = try await connection.openChannel(
                command: "head -c 1500000 /dev/zero; echo ready >&2; exec cat")
            var count = try await channel.read(upTo: 1).count
            while await !channel.stderrTail.contains("ready") {
                count += try await channel.read(upTo: 1).count
            }
            server.killSessions()
            let error = try await sshError {
                while true { count += try await channel.read(upTo: 100_000).count }
            }
            #expect(error.code == .connectionLost)
            #expect(count == 1_500_000)
        }
    }

    @Test(
        "A transfer with a host that hangs is cancelled at once, and others are served meanwhile",
        arguments: SSHOptions.Library.both, [true, false])
    func cancelWhileTheHostHangs(library: SSHOptions.Library, isReading: Bool) async throws {
        try await withConnection(options(library)) { connection, server in
            let channel = try await connection.openChannel(
                command: isReading ? "yes" : "cat > /dev/null")
            // Before anything is written: the window is open, so the socket must fill up.
            if !isReading { server.freezeSessions() }
            let transfer = Task {
                while true {
                    if isReading {
                        _ = try await channel.read(upTo: 1 << 20, atLeast: 1 << 20)
                    } else {
                        try await channel.write(pattern(1 << 20))
                    }
                }
            }
            server.freezeSessions()
            defer { server.thawSessions() }
            if !isReading {
                try await eventually("the socket is full") { server.untakenBytes > 100_000 }
            }
            try await withConnection(options(library)) { free, _ in
                let output = try await free.output(of: "echo free")
                #expect(output == "free\n")
            }
            transfer.cancel()
            await #expect(throws: CancellationError.self) { try await transfer.value }
        }
    }

    @Test("A keepalive finds a dead host", arguments: SSHOptions.Library.both, [true, false])
    func deadPeer(library: SSHOptions.Library, isReading: Bool) async throws {
        try await withConnection(options(library, keepaliveSeconds: 1)) { connection, server in
            let channel = try await connection.openChannel(command: "cat")
            try await channel.write([1])
            #expect(try await channel.read(upTo: 10) == [1])
            server.freezeSessions()
            let error = try await sshError {
                if isReading {
                    _ = try await channel.read(upTo: 10)
                } else {
                    try await channel.write(pattern(64 << 20))
                }
            }
            #expect(error.code == .connectionLost)
            #expect(error.message.contains("has not answered for 3 s"))
        }
    }

    /// Longer than three keepalives. These are far enough apart for a busy machine to answer one.
    @Test("A quiet host is not mistaken for a dead one", arguments: SSHOptions.Library.both)
    func quietHost(library: SSHOptions.Library) async throws {
        try await withConnection(options(library, keepaliveSeconds: 6)) { connection, _ in
            let channel = try await connection.openChannel(command: "sleep 20; echo awake")
            #expect(try await channel.readToEnd() == Array("awake\n".utf8))
            #expect(try await channel.exitStatus() == 0)
            #expect(try await connection.output(of: "echo on") == "on\n")
        }
    }

    @Test("A slow reader does not make its host look dead", arguments: SSHOptions.Library.both)
    func slowReader(library: SSHOptions.Library) async throws {
        let loop = try sharedLoop.get()
        try await withConnection(options(library, keepaliveSeconds: 1, windowBytes: 256 << 10)) {
            connection, _ in
            let channel = try await connection.openChannel(command: "head -c 20000000 /dev/zero")
            _ = try await channel.read(upTo: 1)
            // Longer than three keepalives.
            try await loop.sleep(untilMilliseconds: Clocks.monotonicMilliseconds() + 5000)
            #expect(try await channel.readToEnd().count == 19_999_999)
        }
    }

    @Test(
        "A connection that is let go of is gone at the host too",
        arguments: SSHOptions.Library.both)
    func forgottenConnection(library: SSHOptions.Library) async throws {
        try await withServer { server in
            do {
                let connection = try await server.connect(options(library, keepaliveSeconds: 1))
                #expect(try await connection.output(of: "true") == "")
            }
            try await eventually("no session is left") { server.sessions.isEmpty }
        }
    }
}
