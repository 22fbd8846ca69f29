/// A command on a host: its input, output and end. One task may read while another writes.
public final class SSHChannel: Sendable {
    private let connection: SSHConnection
    private let id: Int

    init(connection: SSHConnection, id: Int) {
        self.connection = connection
        self.id = id
    }

    deinit {
        Task { [connection, id] in await connection.closeChannel(id) }
    }

    /// Returns what the command wrote to its standard output, as far as it is here: at most
    /// `limitBytes`, fewer than `leastBytes` only at its end, and none after it.
    ///
    /// - Throws: `SSHError` (`connectionLost`, `channelClosed`, …); `CancellationError`, which
    ///   loses bytes only if more than one was asked for at least.
    public func read(upTo limitBytes: Int, atLeast leastBytes: Int = 1) async throws -> [UInt8] {
        try await connection.read(id, upTo: limitBytes, atLeast: leastBytes)
    }

    /// Writes all of `bytes` to the command's standard input; waits while the host has no room.
    ///
    /// - Throws: `SSHError` (`channelClosed` when the command has ended, …), `CancellationError`,
    ///   after which an unknown part was written.
    public func write(_ bytes: [UInt8]) async throws {
        try await connection.write(id, bytes)
    }

    /// Ends the command's standard input.
    public func sendEOF() async throws {
        try await connection.sendEOF(id)
    }

    /// The end of what the command wrote to its standard error so far, at most 64 KiB.
    public var stderrTail: String {
        get async { String(decoding: await connection.stderrTail(id), as: UTF8.self) }
    }

    /// Waits until the command has ended: its exit status, or nil when a signal ended it. To be
    /// called when `read` has come to the end of the output.
    public func exitStatus() async throws -> Int32? {
        try await connection.exitStatus(id)
    }

    /// Closes the channel; sshd then ends the command's input and output. Calls that wait on it get
    /// `SSHError` (`channelClosed`). Twice is fine.
    public func close() async {
        await connection.closeChannel(id)
    }
}
