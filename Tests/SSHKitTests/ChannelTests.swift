import SSHKit
import TestSupport
import Testing

/// Commands through a real sshd, over both libraries.
@Suite("Channels", .timeLimit(.minutes(3))) struct ChannelTests {
    @Test("Output, standard error and exit status arrive", arguments: SSHOptions.Library.both)
    func outputStatusAndStderr(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(
                command: "echo out; echo err >&2; exit 7")
            #expect(try await channel.readToEnd() == Array("out\n".utf8))
            #expect(try await channel.read(upTo: 10).isEmpty)
            #expect(try await channel.exitStatus() == 7)
            #expect(await channel.stderrTail == "err\n")
            await channel.close()
            await channel.close()
            #expect(
                try await sshError { _ = try await channel.read(upTo: 1) }.code == .channelClosed)
        }
    }

    @Test("A command that a signal ended has no exit status", arguments: SSHOptions.Library.both)
    func endBySignal(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let channel = try await connection.openChannel(command: "kill -9 $$")
            #expect(try await channel.readToEnd().isEmpty)
            #expect(try await channel.exitStatus() == nil)
        }
    }

    @Test(
        "The exit status needs no reader of much standard error",
        arguments: SSHOptions.Library.both)
    func exitStatusWithoutReading(library: SSHOptions.Library) async throws {
        try await withConnection(options(library, windowBytes: 256 << 10)) { connection, _ in
            let channel = try await connection.openChannel(
                command: "head -c 4000000 /dev/zero >&2; exit 3")
            #expect(try await channel.exitStatus() == 3)
        }
    }

    @Test("A connection runs one command after the other", arguments: SSHOptions.Library.both)
    func oneAfterTheOther(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            for round in 0..<20 {
                let output = try await connection.output(of: "echo \(round)")
                #expect(output == "\(round)\n")
            }
        }
    }

    @Test("Channels share a connection", arguments: SSHOptions.Library.both)
    func manyChannelsAtOnce(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
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

    /// Bytes for a waiting reader are read from the socket by the call of another channel.
    @Test("A reader is woken by another channel's traffic", arguments: SSHOptions.Library.both)
    func wokenByAnotherChannel(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
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

    @Test(
        "Closing a channel or its connection ends a read in progress",
        arguments: SSHOptions.Library.both)
    func closeEndsAReadInProgress(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
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

    @Test("A channel that is let go of ends its command", arguments: SSHOptions.Library.both)
    func abandonedChannels(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, server in
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

    @Test(
        "A channel too many is refused, and the others work on",
        arguments: SSHOptions.Library.both)
    func oneChannelTooMany(library: SSHOptions.Library) async throws {
        try await withConnection(options(library), { $0.lines = ["MaxSessions 2"] }) {
            connection, _ in
            let channels = [
                try await connection.openChannel(command: "cat"),
                try await connection.openChannel(command: "cat"),
            ]
            let error = try await sshError { _ = try await connection.openChannel(command: "cat") }
            #expect(error.code == .channelRefused)
            #expect(error.message.contains("MaxSessions"))
            #expect(error.cause != nil)
            try await channels[0].write([7])
            #expect(try await channels[0].read(upTo: 10) == [7])
        }
    }

    @Test("A key with a forced command runs that one", arguments: SSHOptions.Library.both)
    func forcedCommand(library: SSHOptions.Library) async throws {
        let forced = #"restrict,command="echo noise >&2; echo forced $SSH_ORIGINAL_COMMAND""#
        try await withConnection(options(library), { $0.authorizedKeyOptions = forced }) {
            connection, _ in
            let channel = try await connection.openChannel(command: "attach")
            #expect(try await channel.readToEnd() == Array("forced attach\n".utf8))
            #expect(await channel.stderrTail == "noise\n")
        }
    }

    @Test("A command may have many bytes", arguments: SSHOptions.Library.both)
    func commandOfManyBytes(library: SSHOptions.Library) async throws {
        try await withConnection(options(library)) { connection, _ in
            let text = String(repeating: "ä", count: 10_000)
            let output = try await connection.output(of: "printf %s \(text) | wc -c")
            #expect(output == "20000\n")
        }
    }
}
