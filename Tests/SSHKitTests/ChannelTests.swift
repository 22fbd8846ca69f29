import SSHKit
import Support
import TestSupport
import Testing

/// Commands and their streams, through a real sshd.
@Suite(.timeLimit(.minutes(3))) struct ChannelTests {
    @Test func outputStatusAndStderr() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(
                command: "echo out; echo err >&2; exit 7")
            #expect(try await channel.readToEnd() == Array("out\n".utf8))
            #expect(try await channel.exitStatus() == 7)
            #expect(await channel.stderrTail == "err\n")
            await channel.close()
            await #expect(throws: SSHError.self) { _ = try await channel.read(upTo: 1) }
        }
    }

    @Test func endBySignal() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(command: "kill -9 $$")
            #expect(try await channel.readToEnd().isEmpty)
            #expect(try await channel.exitStatus() == nil)
        }
    }

    @Test func inputIsEchoedUntilItsEnd() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(command: "cat; echo end")
            try await channel.write(Array("hello ".utf8))
            try await channel.write([])
            #expect(try await channel.read(upTo: 100) == Array("hello ".utf8))
            try await channel.sendEOF()
            #expect(try await channel.readToEnd() == Array("end\n".utf8))
            await #expect(throws: SSHError.self) { try await channel.write([1]) }
        }
    }

    /// Windows smaller than the data, a rekey every 2 MiB, both ways at the same time.
    @Test(arguments: [256 << 10, 16 << 20])
    func bigTransferBothWays(windowBytes: Int) async throws {
        var options = impatient
        options.windowBytes = windowBytes
        try await withConnection({ $0.lines = ["RekeyLimit 2M"] }, options: options) {
            connection, _ in
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

    @Test func manyChannelsAtOnce() async throws {
        try await withConnection { connection, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        let channel = try await connection.openChannel(
                            command: "cat; exit \(index)")
                        let bytes = pattern(1 << 20).map { $0 ^ UInt8(index) }
                        async let echoed = channel.readToEnd()
                        try await channel.write(bytes)
                        try await channel.sendEOF()
                        let isSame = try await echoed == bytes
                        #expect(isSame)
                        #expect(try await channel.exitStatus() == Int32(index))
                        await channel.close()
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await connection.output(of: "echo still there") == "still there\n")
        }
    }

    /// Bytes for a reader that waits are taken off the socket by the call of another channel.
    @Test func aReaderIsWokenByAnotherChannelsTraffic() async throws {
        try await withConnection { connection, _ in
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
        }
    }

    /// Standard error shares the window with standard output.
    @Test func muchStderrDoesNotBlock() async throws {
        var options = impatient
        options.windowBytes = 128 << 10
        try await withConnection(options: options) { connection, _ in
            let channel = try await connection.openChannel(
                command: "head -c 4000000 /dev/zero | tr '\\0' 'e' >&2; echo last >&2; echo done")
            #expect(try await channel.read(upTo: 100) == Array("done\n".utf8))
            #expect(try await channel.read(upTo: 100).isEmpty)
            let tail = await channel.stderrTail
            #expect(tail.utf8.count == 64 << 10)
            #expect(tail.hasSuffix("elast\n"))
        }
    }

    /// A command that complains without end keeps neither the loop nor its own reader's
    /// cancellation.
    @Test func endlessStderr() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(command: "yes >&2")
            let reading = Task { try await channel.read(upTo: 100) }
            let other = try await connection.openChannel(command: "echo other")
            #expect(try await other.readToEnd() == Array("other\n".utf8))
            await channel.close()
            #expect(try await sshError { _ = try await reading.value }.code == .channelClosed)
        }
    }

    @Test func exitStatusWithoutReadingMuchStderr() async throws {
        var options = impatient
        options.windowBytes = 128 << 10
        try await withConnection(options: options) { connection, _ in
            let channel = try await connection.openChannel(
                command: "head -c 4000000 /dev/zero >&2; exit 3")
            #expect(try await channel.exitStatus() == 3)
        }
    }

    @Test func cancelledReadLosesNothing() async throws {
        try await withConnection { connection, _ in
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

    /// A writer that is cancelled half way must not spoil the session for the others.
    @Test func cancelledWriteLeavesTheConnectionUsable() async throws {
        try await withConnection { connection, _ in
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

    /// A socket that takes nothing for a while holds packets of several channels back, half sent.
    @Test func fullSocket() async throws {
        try await withConnection { connection, server in
            let bytes = pattern(4 << 20)
            var channels: [SSHChannel] = []
            for _ in 0..<6 { channels.append(try await connection.openChannel(command: "wc -c")) }
            server.freezeSessions()
            let writers = channels.map { channel in Task { try await channel.write(bytes) } }
            try await waitUntilStuck(server)
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

    /// Until what waits in the kernel for the host is much and grows no more.
    private func waitUntilStuck(_ server: SSHServer) async throws {
        let deadline = Clocks.monotonicMilliseconds() + 60_000
        var before = -1
        var same = 0
        while same < 10 {
            try #require(Clocks.monotonicMilliseconds() < deadline, "the socket never filled")
            let now = server.untakenBytes
            same = now == before && now > 100_000 ? same + 1 : 0
            before = now
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test func closeEndsAReadInProgress() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(command: "exec cat")
            let reading = Task.immediate { try await channel.read(upTo: 100) }
            await channel.close()
            #expect(try await sshError { _ = try await reading.value }.code == .channelClosed)

            let other = try await connection.openChannel(command: "exec cat")
            let second = Task.immediate { try await other.read(upTo: 100) }
            await connection.close()
            await connection.close()
            #expect(try await sshError { _ = try await second.value }.code == .closed)
            let error = try await sshError { _ = try await connection.openChannel(command: "true") }
            #expect(error.code == .closed)
        }
    }

    /// A command that ended reads no more: a writer must not wait for its window for ever.
    @Test func writerLearnsThatTheCommandEnded() async throws {
        try await withConnection { connection, _ in
            let channel = try await connection.openChannel(command: "head -c 10; exit 0")
            let error = try await sshError { try await channel.write(pattern(64 << 20)) }
            #expect(error.code == .channelClosed)
            #expect(try await channel.readToEnd() == Array(pattern(10)))
            #expect(try await connection.output(of: "echo fine") == "fine\n")
        }
    }

    /// Channels that are let go of end their commands at the host.
    @Test func abandonedChannelsAreClosed() async throws {
        try await withConnection { connection, server in
            var commands: [Int32] = []
            for _ in 0..<5 {
                let channel = try await connection.openChannel(command: "echo $$; exec cat")
                let line = String(decoding: try await channel.read(upTo: 20), as: UTF8.self)
                commands.append(try #require(Int32(line.filter(\.isNumber))))
                #expect(server.sessions.contains(commands[commands.count - 1]))
            }
            try await eventually("no command runs any more") {
                Set(server.sessions).isDisjoint(with: commands)
            }
        }
    }

    @Test func oneChannelTooMany() async throws {
        try await withConnection({ $0.lines = ["MaxSessions 2"] }) { connection, _ in
            let channels = [
                try await connection.openChannel(command: "cat"),
                try await connection.openChannel(command: "cat"),
            ]
            let error = try await sshError { _ = try await connection.openChannel(command: "cat") }
            #expect(error.code == .channelRefused)
            #expect(error.message.contains("MaxSessions"))
            try await channels[0].write([7])
            #expect(try await channels[0].read(upTo: 10) == [7])
        }
    }

    @Test func forcedCommand() async throws {
        let forced = #"restrict,command="echo forced $SSH_ORIGINAL_COMMAND""#
        try await withConnection({ $0.authorizedKeyOptions = forced }) { connection, _ in
            let output = try await connection.output(of: "attach")
            #expect(output == "forced attach\n")
        }
    }

    @Test func commandOfManyBytes() async throws {
        try await withConnection { connection, _ in
            let text = String(repeating: "ä", count: 10_000)
            let output = try await connection.output(of: "printf %s \(text) | wc -c")
            #expect(output == "20000\n")
        }
    }
}
