import Glibc
import LoopKit
import SSHKit
import Support
import TestSupport
import Testing

/// A bulk session that dies or is called off says so at once; nothing waits for ever.
@Suite(.timeLimit(.minutes(3))) struct BulkLossTests {
    @Test func serverKilledInMidTransfer() async throws {
        try await withBulkSession { session, server in
            try await session.start("yes")
            #expect(try await !session.read(upTo: 1 << 20, atLeast: 1 << 20).isEmpty)
            let reading = Task { while try await !session.read(upTo: 1 << 20).isEmpty {} }
            server.killSessions()
            let error = try await sshError { try await reading.value }
            #expect(error.code == .connectionLost, "\(error)")
            #expect(error.message.contains("127.0.0.1:\(server.port)"))
            #expect(
                try await sshError { try await session.start("true") }.code == .connectionLost)
        }
        try await withBulkSession { session, server in
            try await session.start("exec sleep 30")
            let writing = Task { try await session.write(pattern(32 << 20)) }
            try await eventually("the host takes no more") { server.untakenBytes == 0 }
            server.killSessions()
            #expect(try await sshError { try await writing.value }.code == .connectionLost)
        }
    }

    /// A host that hangs ends a transfer by the one who watches it, at once, either way.
    @Test(arguments: [true, false]) func cancelWhileTheHostHangs(isReading: Bool) async throws {
        try await withBulkSession { session, server in
            try await session.start(isReading ? "yes" : "cat > /dev/null")
            let transfer = Task {
                while true {
                    if isReading {
                        _ = try await session.read(upTo: 1 << 20, atLeast: 1 << 20)
                    } else {
                        try await session.write(pattern(1 << 20))
                    }
                }
            }
            server.freezeSessions()
            defer { server.thawSessions() }
            if !isReading {
                try await eventually("the socket is full") { server.untakenBytes > 100_000 }
            }
            // The loop serves others meanwhile.
            let other = try await SSHServer.start()
            let free = try await other.connectInBulk()
            #expect(try await free.output(of: "echo free") == "free\n")
            transfer.cancel()
            await #expect(throws: CancellationError.self) { try await transfer.value }
            await session.close()
        }
    }

    @Test func closeEndsAReadInProgress() async throws {
        try await withBulkSession { session, _ in
            try await session.start("exec cat")
            let reading = Task.immediate { try await session.read(upTo: 100) }
            await session.close()
            await session.close()
            #expect(try await sshError { _ = try await reading.value }.code == .closed)
            #expect(try await sshError { try await session.start("true") }.code == .closed)
        }
    }

    @Test(arguments: [true, false]) func deadPeerIsNoticedByKeepalive(isReading: Bool) async throws
    {
        let options = SSHOptions(connectTimeoutSeconds: 20, keepaliveSeconds: 1)
        try await withBulkSession(options: options) { session, server in
            try await session.start("cat")
            try await session.write([1])
            #expect(try await session.read(upTo: 10) == [1])
            server.freezeSessions()
            let error = try await sshError {
                if isReading {
                    _ = try await session.read(upTo: 10)
                } else {
                    try await session.write(pattern(64 << 20))
                }
            }
            #expect(error.code == .connectionLost)
            #expect(error.message.contains("has not answered for 3 s"))
        }
    }

    /// A host that says nothing for longer than three keepalives, and a reader that takes its
    /// time, are not mistaken for a dead host.
    @Test func quietHostAndSlowReader() async throws {
        let loop = try sharedLoop.get()
        let options = SSHOptions(
            connectTimeoutSeconds: 20, keepaliveSeconds: 1, windowBytes: 256 << 10)
        try await withBulkSession(options: options) { session, _ in
            #expect(try await session.output(of: "sleep 6; echo awake") == "awake\n")
            try await session.start("head -c 20000000 /dev/zero")
            var count = try await session.read(upTo: 1).count
            try await loop.sleep(untilMilliseconds: Clocks.monotonicMilliseconds() + 5000)
            while case let more = try await session.read(upTo: 1 << 20).count, more > 0 {
                count += more
            }
            #expect(count == 20_000_000)
        }
    }
}
