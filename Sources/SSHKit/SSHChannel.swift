/// A command on a host: its input, output and exit. One task may read while another writes.
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

    /// Returns standard output of the command as far as it has arrived: at most `limitBytes`, fewer
    /// than `leastBytes` only at its end, and nothing after it.
    ///
    /// - Throws: `SSHError` (`connectionLost`, `channelClosed`, …); `CancellationError`, which
    ///   loses bytes only if `leastBytes` is more than one.
    public func read(upTo limitBytes: Int, atLeast leastBytes: Int = 1) async throws -> [UInt8] {
        try await connection.read(id, upTo: limitBytes, atLeast: leastBytes)
    }

    /// Writes all of `bytes` to the command's standard input; waits while the host's window is
    /// full.
    ///
    /// - Throws: `SSHError` (`channelClosed` if the command has ended, …), `CancellationError`,
    ///   after which an unknown part was written.
    public func write(_ bytes: [UInt8]) async throws {
        try await connection.write(id, bytes)
    }

    /// Ends the command's standard input.
    public func sendEOF() async throws {
        try await connection.sendEOF(id)
    }

    /// The last 64 KiB of standard error so far.
    public var stderrTail: String {
        get async { String(decoding: await connection.stderrTail(id), as: UTF8.self) }
    }

    /// Waits until the command has ended: its exit status, or nil if a signal ended it. Call it
    /// after `read` has reached the end of the output.
    public func exitStatus() async throws -> Int32? {
        try await connection.exitStatus(id)
    }

    /// Closes the channel; sshd then closes the command's input and output. Waiting calls get
    /// `SSHError` (`channelClosed`). Idempotent.
    public func close() async {
        await connection.closeChannel(id)
    }
}
