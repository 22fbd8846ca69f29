import SSHKit
import Support
import TestSupport
import Testing

/// Commands and their streams, through a real sshd.
@Suite struct ChannelTests {
    @Test func outputStatusAndStderr() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "echo out; echo err >&2; exit 7")
        #expect(try await channel.readToEnd() == Array("out\n".utf8))
        #expect(try await channel.exitStatus() == 7)
        #expect(await channel.stderrTail == "err\n")
        await channel.close()
        await #expect(throws: SSHError.self) { _ = try await channel.read(upTo: 1) }
        await connection.close()
    }

    @Test func endBySignal() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "kill -9 $$")
        #expect(try await channel.readToEnd().isEmpty)
        #expect(try await channel.exitStatus() == nil)
        await connection.close()
    }

    @Test func inputIsEchoedUntilItsEnd() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "cat; echo end")
        try await channel.write(Array("hello ".utf8))
        try await channel.write([])
        #expect(try await channel.read(upTo: 100) == Array("hello ".utf8))
        try await channel.sendEOF()
        #expect(try await channel.readToEnd() == Array("end\n".utf8))
        await #expect(throws: SSHError.self) { try await channel.write([1]) }
        await connection.close()
    }

    /// Windows smaller than the data, a rekey every MiB, both ways at the same time.
    @Test(arguments: [256 << 10, 16 << 20])
    func bigTransferBothWays(windowBytes: Int) async throws {
        var configuration = SSHServer.Configuration()
        configuration.lines = ["RekeyLimit 8M"]
        let server = try await SSHServer.start(configuration)
        var options = impatient
        options.windowBytes = windowBytes
        let connection = try await server.connect(options: options)
        let channel = try await connection.openChannel(command: "cat")
        let bytes = pattern(64 << 20)
        async let echoed = channel.readToEnd()
        try await channel.write(bytes)
        try await channel.sendEOF()
        #expect(try await echoed == bytes)
        #expect(try await channel.exitStatus() == 0)
        await connection.close()
    }

    @Test func manyChannelsAtOnce() async throws {
        let connection = try await SSHServer.start().connect()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    let channel = try await connection.openChannel(command: "cat; exit \(index)")
                    let bytes = pattern(1 << 20).map { $0 ^ UInt8(index) }
                    async let echoed = channel.readToEnd()
                    try await channel.write(bytes)
                    try await channel.sendEOF()
                    #expect(try await echoed == bytes)
                    #expect(try await channel.exitStatus() == Int32(index))
                    await channel.close()
                }
            }
            try await group.waitForAll()
        }
        #expect(try await connection.output(of: "echo still there") == "still there\n")
        await connection.close()
    }

    /// Bytes for a reader that waits are taken off the socket by the call of another channel.
    @Test func aReaderIsWokenByAnotherChannelsTraffic() async throws {
        let connection = try await SSHServer.start().connect()
        let quiet = try await connection.openChannel(command: "cat")
        let busy = try await connection.openChannel(command: "cat")
        for round in 0..<300 {
            let text = Array("\(round)".utf8)
            let reading = Task.immediate { try await quiet.read(upTo: 100) }
            async let echo = busy.read(upTo: 100)
            try await quiet.write(text)
            try await busy.write(text)
            #expect(try await reading.value == text)
            #expect(try await echo == text)
        }
        await connection.close()
    }

    /// Standard error shares the window with standard output.
    @Test func muchStderrDoesNotBlock() async throws {
        var options = impatient
        options.windowBytes = 128 << 10
        let connection = try await SSHServer.start().connect(options: options)
        let channel = try await connection.openChannel(
            command: "head -c 4000000 /dev/zero | tr '\\0' 'e' >&2; echo last >&2; echo done")
        #expect(try await channel.read(upTo: 100) == Array("done\n".utf8))
        #expect(try await channel.read(upTo: 100).isEmpty)
        let tail = await channel.stderrTail
        #expect(tail.utf8.count == 64 << 10)
        #expect(tail.hasSuffix("elast\n"))
        await connection.close()
    }

    @Test func exitStatusWithoutReadingMuchStderr() async throws {
        var options = impatient
        options.windowBytes = 128 << 10
        let connection = try await SSHServer.start().connect(options: options)
        let channel = try await connection.openChannel(
            command: "head -c 4000000 /dev/zero >&2; exit 3")
        #expect(try await channel.exitStatus() == 3)
        await connection.close()
    }

    @Test func cancelledReadLosesNothing() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "cat")
        for round in 0..<100 {
            let reading = Task.immediate { try await channel.read(upTo: 100) }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            let text = Array("\(round)".utf8)
            try await channel.write(text)
            #expect(try await channel.read(upTo: 100) == text)
        }
        await connection.close()
    }

    /// A writer that is cancelled half way must not spoil the session for the others.
    @Test func cancelledWriteLeavesTheConnectionUsable() async throws {
        let connection = try await SSHServer.start().connect()
        let stuck = try await connection.openChannel(command: "sleep 1000")
        let writing = Task { try await stuck.write(pattern(32 << 20)) }
        #expect(try await connection.output(of: "echo 1") == "1\n")
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value }
        #expect(try await connection.output(of: "echo 2") == "2\n")
        await stuck.close()
        #expect(try await connection.output(of: "echo 3") == "3\n")
        await connection.close()
    }

    @Test func closeEndsAReadInProgress() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "sleep 1000")
        let reading = Task.immediate { try await channel.read(upTo: 100) }
        await channel.close()
        #expect(try await sshError { _ = try await reading.value }.code == .channelClosed)

        let other = try await connection.openChannel(command: "sleep 1000")
        let second = Task.immediate { try await other.read(upTo: 100) }
        await connection.close()
        await connection.close()
        #expect(try await sshError { _ = try await second.value }.code == .closed)
        let error = try await sshError { _ = try await connection.openChannel(command: "true") }
        #expect(error.code == .closed)
    }

    /// A command that ended reads no more: a writer must not wait for its window for ever.
    @Test func writerLearnsThatTheCommandEnded() async throws {
        let connection = try await SSHServer.start().connect()
        let channel = try await connection.openChannel(command: "head -c 10; exit 0")
        let error = try await sshError { try await channel.write(pattern(64 << 20)) }
        #expect(error.code == .channelClosed)
        #expect(try await channel.readToEnd() == Array(pattern(10)))
        #expect(try await connection.output(of: "echo fine") == "fine\n")
        await connection.close()
    }

    @Test func abandonedChannelsAreClosed() async throws {
        var configuration = SSHServer.Configuration()
        configuration.lines = ["MaxSessions 3"]
        let connection = try await SSHServer.start(configuration).connect()
        for _ in 0..<20 {
            let channel = try await connection.openChannel(command: "sleep 1000")
            await channel.close()
        }
        await connection.close()
    }

    @Test func oneChannelTooMany() async throws {
        var configuration = SSHServer.Configuration()
        configuration.lines = ["MaxSessions 2"]
        let connection = try await SSHServer.start(configuration).connect()
        let channels = [
            try await connection.openChannel(command: "cat"),
            try await connection.openChannel(command: "cat"),
        ]
        let error = try await sshError { _ = try await connection.openChannel(command: "cat") }
        #expect(error.code == .channelRefused)
        #expect(error.message.contains("MaxSessions"))
        try await channels[0].write([7])
        #expect(try await channels[0].read(upTo: 10) == [7])
        await connection.close()
    }

    @Test func forcedCommand() async throws {
        var configuration = SSHServer.Configuration()
        configuration.authorizedKeyOptions =
            #"restrict,command="echo forced $SSH_ORIGINAL_COMMAND""#
        let connection = try await SSHServer.start(configuration).connect()
        #expect(try await connection.output(of: "attach") == "forced attach\n")
        await connection.close()
    }

    @Test func commandOfManyBytes() async throws {
        let connection = try await SSHServer.start().connect()
        let text = String(repeating: "ä", count: 10_000)
        #expect(try await connection.output(of: "printf %s \(text) | wc -c") == "20000\n")
        await connection.close()
    }
}
