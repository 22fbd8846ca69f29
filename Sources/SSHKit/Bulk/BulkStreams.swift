import CLinux
import CSSH
import LoopKit

/// The command of a bulk session and what flows to and from it.
extension BulkSession {
    /// Runs `command` on the host, in the user's shell, or what the key is forced to. Ends the one
    /// before.
    ///
    /// - Throws: `SSHError`; `CancellationError`.
    public func start(_ command: String) async throws {
        endCommand()
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        let link = try usable()
        guard let channel = ssh_channel_new(link.raw) else {
            throw error(.channelRefused, "no memory for a channel")
        }
        let running = BulkCommand(
            channel,
            windowBytes: BulkCommand.windowBytes(
                roundTripMicroseconds: aib_tcp_round_trip(link.fd), options))
        link.command = running
        do {
            guard try await complete(deadline, { _ in ssh_channel_open_session(channel) }) == SSH_OK
            else {
                throw error(
                    .channelRefused,
                    "the host opens no further channel (MaxSessions in its sshd_config)")
            }
            let started = try await complete(deadline) { _ in
                ssh_channel_request_exec(channel, command)
            }
            guard started == SSH_OK else {
                throw error(
                    .commandRefused,
                    "the host does not run a command for \(endpoint.user) with this key")
            }
        } catch is DeadlinePassed {
            fail(.noChannel(endpoint, options))
            throw SSHError.noChannel(endpoint, options)
        }
    }

    /// What the command wrote to its standard output: as much as is here, at most `limitBytes`;
    /// fewer than `leastBytes` only at its end, and none after it.
    ///
    /// - Throws: `SSHError`; `CancellationError`, after which the session is of no more use: what
    ///   was taken from it is lost.
    public func read(upTo limitBytes: Int, atLeast leastBytes: Int = 1) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(limitBytes)
        while true {
            let command = try running()
            let link = try usable()
            var result = 0
            var before: UInt64 = 0
            bytes.append(addingCapacity: limitBytes - bytes.count) { span in
                span.withUnsafeMutableBufferPointer { buffer, count in
                    let room = UnsafeMutableRawBufferPointer(buffer)
                    for _ in 0..<SSHLimits.bulkCallsAtOnce where count < room.count {
                        before = link.receivedBytes
                        result = step(link) { _ in
                            command.read(into: .init(rebasing: room[count...]))
                        }
                        count += max(0, result)
                        if result < 0 || result == 0 && link.receivedBytes == before { break }
                    }
                }
            }
            if result < 0, bytes.isEmpty { throw error(.channelClosed, "reading failed") }
            if bytes.count >= leastBytes || result < 0 || command.isAtEnd {
                // A short answer must not hold the memory of a long one.
                return bytes.count < limitBytes / 4 ? Array(bytes[...]) : bytes
            }
            try await pause(receivedBefore: before)
        }
    }

    /// Writes all of `bytes` to the command's standard input; waits while the host has no room.
    ///
    /// - Throws: `SSHError` (`channelClosed` when the command has ended, …); `CancellationError`,
    ///   after which an unknown part was written.
    public func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let command = try running()
            let link = try usable()
            let before = link.receivedBytes
            let piece = rest.prefix(SSHLimits.bulkWriteBytes)
            let count = step(link) { _ in
                piece.withUnsafeBytes { raw in
                    ssh_channel_write(command.raw, raw.baseAddress, UInt32(raw.count))
                }
            }
            guard count >= 0 else {
                throw error(.channelClosed, "the command takes no more input")
            }
            rest = rest.dropFirst(Int(count))
            if count == 0 { try await pause(receivedBefore: before) }
            // What the socket does not take stays in libssh's memory.
            _ = try await complete { link in ssh_blocking_flush(link.raw, 0) }
        }
    }

    /// Ends the command's standard input.
    public func sendEOF() async throws {
        let command = try running()
        guard ssh_channel_send_eof(command.raw) == SSH_OK else {
            throw error(.channelClosed, "ending the input failed")
        }
        _ = try await complete { link in ssh_blocking_flush(link.raw, 0) }
    }

    /// Waits until the command has ended: its exit status, or nil when a signal ended it. To be
    /// called when `read` has come to the end of the output.
    public func exitStatus() async throws -> Int32? {
        while true {
            let command = try running()
            let link = try usable()
            let before = link.receivedBytes
            let status = step(link) { _ in ssh_channel_get_exit_status(command.raw) }
            if status >= 0 { return status }
            if ssh_channel_is_closed(command.raw) != 0 { return nil }
            try await pause(receivedBefore: before)
        }
    }

    /// The end of what the command wrote to its standard error so far, at most 64 KiB.
    public var stderrTail: String {
        String(decoding: link?.command?.stderrTail ?? [], as: UTF8.self)
    }

    /// Closes the command's channel; sshd then ends its input and output. The session can run
    /// another. Twice is fine.
    public func endCommand() {
        guard let link, let command = link.command else { return }
        link.command = nil
        step(link) { _ in command.close() }
    }

    private func running() throws(SSHError) -> BulkCommand {
        guard let command = try usable().command else {
            throw SSHError(.channelClosed, "\(endpoint.place): no command runs.")
        }
        return command
    }
}
