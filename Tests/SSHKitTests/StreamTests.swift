import SSHKit
import Support
import TestSupport
import Testing

/// Input and output of commands through a real sshd: bytes, windows, back-pressure.
@Suite("Streams", .timeLimit(.minutes(3))) struct StreamTests {
    @Test("Input is echoed until its end", arguments: SSHOptions.Library.both)
    func inputIsEchoedUntilItsEnd(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(command: "cat; echo end")
            try await channel.write(Array("hello ".utf8))
            try await channel.write([])
            #expect(try await channel.read(upTo: 100) == Array("hello ".utf8))
            try await channel.sendEOF()
            #expect(try await channel.readToEnd() == Array("end\n".utf8))
            await #expect(throws: SSHError.self) { try await channel.write([1]) }
        }
    }

    @Test(
        "Bytes arrive unchanged, through small windows and many rekeys",
        arguments: [256 << 10, 16 << 20],
        [(SSHOptions.Library.libssh, ""), (.libssh, "RekeyLimit 2M"), (.libssh2, "RekeyLimit 2M")])
    func oneWay(windowBytes: Int, setup: (library: SSHOptions.Library, line: String)) async throws {
        try await withConnection(
            options(setup.library, windowBytes: windowBytes),
            { if !setup.line.isEmpty { $0.lines = [setup.line] } }
        ) { connection, server in
            let bytes = pattern(64 << 20)
            let file = "\(server.folder)/sent"
            let taking = try await connection.openChannel(command: "cat > \(file); echo taken")
            for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
                try await taking.write(Array(bytes[start..<start + 1 << 20]))
            }
            try await taking.sendEOF()
            #expect(try await taking.read(upTo: 100) == Array("taken\n".utf8))
            await taking.close()
            let isTaken = try Files.read(file, limitBytes: bytes.count + 1) == bytes
            #expect(isTaken)

            let giving = try await connection.openChannel(command: "cat \(file)")
            let isGiven = try await giving.readToEnd() == bytes
            #expect(isGiven)
            #expect(try await giving.exitStatus() == 0)
        }
    }

    @Test(
        "Bytes arrive unchanged in both directions at once",
        arguments: [256 << 10, 16 << 20],
        [(SSHOptions.Library.libssh, ""), (.libssh2, "RekeyLimit 2M")])
    func bothWays(windowBytes: Int, setup: (library: SSHOptions.Library, line: String)) async throws
    {
        try await withConnection(
            options(setup.library, windowBytes: windowBytes),
            { if !setup.line.isEmpty { $0.lines = [setup.line] } }
        ) { connection, _ in
            let channel = try await connection.openChannel(command: "cat")
            let bytes = pattern(64 << 20)
            async let echoed = channel.readToEnd()
            try await channel.write(bytes)
            try await channel.sendEOF()
            let isSame = try await echoed == bytes
            #expect(isSame)
            #expect(try await channel.exitStatus() == 0)
        }
    }

    @Test(
        "A read returns at least the requested minimum, however small the host's packets are",
        arguments: SSHOptions.Library.both)
    func leastBytes(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(
                command: "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done")
            #expect(try await channel.read(upTo: 4, atLeast: 4) == Array("1\n2\n".utf8))
            #expect(try await channel.read(upTo: 99, atLeast: 8) == Array("3\n4\n5\n6\n".utf8))
            #expect(try await channel.read(upTo: 99, atLeast: 8).isEmpty)
        }
    }

    /// Standard error shares the window with standard output.
    @Test("Much standard error does not block the command", arguments: SSHOptions.Library.both)
    func muchStderr(library: SSHOptions.Library) async throws {
        try await withConnection(options(library, windowBytes: 256 << 10)) { connection, _ in
            let channel = try await connection.openChannel(
                command: "head -c 9000000 /dev/zero | tr '\\0' 'e' >&2; echo last >&2; echo done")
            #expect(try await channel.read(upTo: 100) == Array("done\n".utf8))
            #expect(try await channel.read(upTo: 100).isEmpty)
            let tail = await channel.stderrTail
            #expect(tail.utf8.count == 64 << 10)
            #expect(tail.hasSuffix("elast\n"))
        }
    }

    @Test(
        "Endless standard error delays neither others nor the end of its reader",
        arguments: SSHOptions.Library.both)
    func endlessStderr(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, server in
            let channel = try await connection.openChannel(command: "yes >&2")
            let reading = Task { try await channel.read(upTo: 100) }
            #expect(try await connection.output(of: "echo beside it") == "beside it\n")
            let other = try await server.connect(options(library))
            #expect(try await other.output(of: "echo other") == "other\n")
            await other.close()
            await channel.close()
            #expect(try await sshError { _ = try await reading.value }.code == .channelClosed)
        }
    }

    @Test("A cancelled read loses nothing", arguments: SSHOptions.Library.both)
    func cancelledRead(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(command: "cat")
            for round in 0..<100 {
                let reading = Task.immediate { try await channel.read(upTo: 100) }
                reading.cancel()
                await #expect(throws: CancellationError.self) { try await reading.value }
                let text = Array("\(round)".utf8)
                try await channel.write(text)
                #expect(try await channel.read(upTo: 100) == text)
            }
        }
    }

    @Test("A cancelled write leaves the connection usable", arguments: SSHOptions.Library.both)
    func cancelledWrite(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let stuck = try await connection.openChannel(command: "exec sleep 20")
            let writing = Task { try await stuck.write(pattern(32 << 20)) }
            #expect(try await connection.output(of: "echo 1") == "1\n")
            writing.cancel()
            await #expect(throws: CancellationError.self) { try await writing.value }
            #expect(try await connection.output(of: "echo 2") == "2\n")
            await stuck.close()
            #expect(try await connection.output(of: "echo 3") == "3\n")
        }
    }

    @Test(
        "A full socket holds packets of several channels back, and loses none",
        arguments: SSHOptions.Library.both)
    func fullSocket(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, server in
            let bytes = pattern(4 << 20)
            var channels: [SSHChannel] = []
            for _ in 0..<6 { channels.append(try await connection.openChannel(command: "wc -c")) }
            server.freezeSessions()
            let writers = channels.map { channel in Task { try await channel.write(bytes) } }
            _ = try await settled("the socket is full", looks: 10, everyMilliseconds: 20) {
                let count = server.untakenBytes
                return count > 100_000 ? count : nil
            }
            writers[0].cancel()
            await #expect(throws: CancellationError.self) { try await writers[0].value }
            server.thawSessions()
            for (channel, writer) in zip(channels, writers).dropFirst() {
                try await writer.value
                try await channel.sendEOF()
                let count = String(decoding: try await channel.readToEnd(), as: UTF8.self)
                #expect(count == "\(bytes.count)\n")
            }
            #expect(try await connection.output(of: "echo fine") == "fine\n")
        }
    }

    @Test(
        "A writer does not wait for the window of a command that ended",
        arguments: SSHOptions.Library.both)
    func writerLearnsThatTheCommandEnded(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(command: "head -c 10; exit 0")
            let error = try await sshError { try await channel.write(pattern(64 << 20)) }
            #expect(error.code == .channelClosed, "\(error)")
            #expect(try await channel.readToEnd() == Array(pattern(10)))
            #expect(try await connection.output(of: "echo fine") == "fine\n")
        }
    }

    @Test(
        "A host sends no more than the window while nothing is read",
        arguments: SSHOptions.Library.both)
    func hostWaitsForAReader(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, server in
            let count = "\(server.folder)/count"
            let channel = try await connection.openChannel(
                command:
                    "for i in $(seq 64); do head -c 1048576 /dev/zero; echo $i > \(count); done"
            )
            let first = try await channel.read(upTo: 1).count
            #expect(first == 1)
            let sent = try await settled("the host stops sending", looks: 41) {
                (try? Files.read(count, limitBytes: 10)).flatMap {
                    Int(String(decoding: $0, as: UTF8.self).filter(\.isNumber))
                }
            }
            // The window, and the buffers of pipes and sockets.
            #expect(sent < 32)
            #expect(try await channel.readToEnd().count == (64 << 20) - 1)
        }
    }

    /// The value once it has stayed the same for that many looks.
    private func settled<Value: Equatable>(
        _ what: String, looks: Int, everyMilliseconds: Int64 = 5, _ look: () async throws -> Value?
    ) async throws -> Value {
        var last: Value?
        var same = 0
        return try await eventually(what, everyMilliseconds: everyMilliseconds) {
            let now = try await look()
            same = now != nil && now == last ? same + 1 : 0
            last = now
            return same >= looks ? now : nil
        }
    }
}
