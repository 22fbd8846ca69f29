import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

extension SSHServer {
    func connectInBulk(
        keyType: String = "ed25519", hostKeyType: String = "ed25519",
        options: SSHOptions = impatient
    ) async throws -> BulkSession {
        try await BulkSession.connect(
            to: endpoint, expecting: hostKey(hostKeyType), identity: identity(keyType),
            options: options, loop: sharedLoop.get())
    }
}

extension BulkSession {
    fileprivate func readToEnd() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case let piece = try await read(upTo: 1 << 20), !piece.isEmpty { bytes += piece }
        return bytes
    }

    func output(of command: String) async throws -> String {
        try await start(command)
        return String(decoding: try await readToEnd(), as: UTF8.self)
    }
}

/// Runs `body` with a session at a server of its own.
func withBulkSession(
    _ configure: (inout SSHServer.Configuration) -> Void = { _ in },
    options: SSHOptions = impatient,
    _ body: (BulkSession, SSHServer) async throws -> Void
) async throws {
    try await withServer(configure) { server in
        let session = try await server.connectInBulk(options: options)
        try await body(session, server)
        await session.close()
    }
}

/// Commands and their streams over a bulk session, through a real sshd.
@Suite(.timeLimit(.minutes(3))) struct BulkTests {
    @Test func outputStatusAndStderr() async throws {
        try await withBulkSession { session, _ in
            let output = try await session.output(of: "echo out; echo err >&2; exit 7")
            #expect(output == "out\n")
            #expect(try await session.exitStatus() == 7)
            #expect(await session.stderrTail == "err\n")
            #expect(try await session.read(upTo: 10).isEmpty)
            #expect(try await session.output(of: "kill -9 $$") == "")
            #expect(try await session.exitStatus() == nil)
            await session.endCommand()
            #expect(
                try await sshError { _ = try await session.read(upTo: 1) }.code == .channelClosed)
            for round in 0..<20 {
                #expect(try await session.output(of: "echo \(round)") == "\(round)\n")
            }
        }
    }

    /// Windows smaller than the data, a rekey every 2 MiB, one way and the other.
    @Test(arguments: [256 << 10, 16 << 20], ["", "RekeyLimit 2M"])
    func bigTransfers(windowBytes: Int, line: String) async throws {
        var options = impatient
        options.windowBytes = windowBytes
        try await withBulkSession(
            { if !line.isEmpty { $0.lines = [line] } }, options: options
        ) { session, server in
            let bytes = pattern(64 << 20)
            let file = "\(server.folder)/sent"
            try await session.start("cat > \(file); echo taken")
            for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
                try await session.write(Array(bytes[start..<start + 1 << 20]))
            }
            try await session.sendEOF()
            #expect(try await session.read(upTo: 100) == Array("taken\n".utf8))
            let isSame = try Files.read(file, limitBytes: bytes.count + 1) == bytes
            #expect(isSame)

            try await session.start("cat \(file)")
            let came = try await session.readToEnd()
            #expect(came == bytes)
            #expect(try await session.exitStatus() == 0)
        }
    }

    @Test func bothWaysAtOnce() async throws {
        try await withBulkSession { session, _ in
            try await session.start("cat")
            let bytes = pattern(64 << 20)
            async let echoed = session.readToEnd()
            try await session.write(bytes)
            try await session.sendEOF()
            let isSame = try await echoed == bytes
            #expect(isSame)
        }
    }

    /// What is asked for at least comes in one piece, however small the host's pieces are.
    @Test func leastBytes() async throws {
        try await withBulkSession { session, _ in
            try await session.start("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done")
            #expect(try await session.read(upTo: 4, atLeast: 4) == Array("1\n2\n".utf8))
            #expect(try await session.read(upTo: 99, atLeast: 8) == Array("3\n4\n5\n6\n".utf8))
            #expect(try await session.read(upTo: 99, atLeast: 8).isEmpty)
        }
    }

    /// What a login shell prints comes first, as over any session.
    @Test func loginShellNoise() async throws {
        let forced = #"restrict,command="echo welcome; echo noise >&2; eval $SSH_ORIGINAL_COMMAND""#
        try await withBulkSession({ $0.authorizedKeyOptions = forced }) { session, _ in
            let output = try await session.output(of: "echo hello")
            #expect(output == "welcome\nhello\n")
            #expect(await session.stderrTail == "noise\n")
        }
    }

    /// Standard error shares the window with standard output.
    @Test func muchStderrDoesNotBlock() async throws {
        var options = impatient
        options.windowBytes = 256 << 10
        try await withBulkSession(options: options) { session, _ in
            let output = try await session.output(
                of: "head -c 9000000 /dev/zero | tr '\\0' 'e' >&2; echo last >&2; echo done")
            #expect(output == "done\n")
            let tail = await session.stderrTail
            #expect(tail.utf8.count == 64 << 10)
            #expect(tail.hasSuffix("elast\n"))
        }
    }

    /// A command that complains without end does not keep the loop from others.
    @Test func endlessStderr() async throws {
        try await withBulkSession { session, server in
            try await session.start("yes >&2")
            let reading = Task { try await session.read(upTo: 100) }
            let other = try await server.connectInBulk()
            #expect(try await other.output(of: "echo other") == "other\n")
            await session.close()
            #expect(try await sshError { _ = try await reading.value }.code == .closed)
        }
    }

    @Test func writerLearnsThatTheCommandEnded() async throws {
        try await withBulkSession { session, _ in
            try await session.start("head -c 10; exit 0")
            let error = try await sshError { try await session.write(pattern(64 << 20)) }
            #expect(error.code == .channelClosed, "\(error)")
            #expect(try await session.readToEnd() == Array(pattern(10)))
            #expect(try await session.output(of: "echo fine") == "fine\n")
        }
    }

    /// Back-pressure: a host sends no further than the window while nobody reads.
    @Test func hostWaitsForAReader() async throws {
        try await withBulkSession { session, server in
            let count = "\(server.folder)/count"
            try await session.start(
                "for i in $(seq 64); do head -c 1048576 /dev/zero; echo $i > \(count); done")
            #expect(try await session.read(upTo: 1).count == 1)
            var before = ""
            var same = 0
            try await eventually("the host stops sending") {
                let now = (try? Files.read(count, limitBytes: 10)).map {
                    String(decoding: $0, as: UTF8.self)
                }
                same = now == before && !before.isEmpty ? same + 1 : 0
                before = now ?? ""
                return same > 40
            }
            let sent = try #require(Int(before.filter(\.isNumber)))
            // The window, and what pipes and sockets hold.
            #expect(sent < 32)
            #expect(try await session.readToEnd().count == (64 << 20) - 1)
        }
    }

    @Test func forgottenSessionIsClosed() async throws {
        try await withServer { server in
            do {
                let session = try await server.connectInBulk(
                    options: SSHOptions(connectTimeoutSeconds: 20, keepaliveSeconds: 1))
                #expect(try await session.output(of: "true") == "")
            }
            try await eventually("sshd serves nobody any more") { server.sessions.isEmpty }
        }
    }

    @Test func refusedCommand() async throws {
        try await withBulkSession({ $0.lines = ["MaxSessions 0"] }) { session, _ in
            let error = try await sshError { try await session.start("true") }
            #expect(error.code == .channelRefused)
            #expect(error.message.contains("MaxSessions"))
        }
    }
}
