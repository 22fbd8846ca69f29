import CSSH2

/// A channel of libssh2. It handles the two calls that must be repeated with the same arguments if
/// they could not be completed (during a key exchange that the host began). With other arguments,
/// the first corrupts the accounting of the window and later drops data, and the second reads
/// beyond the buffer.
final class LibSSH2Channel: DriverChannel {
    private let raw: OpaquePointer
    private unowned let session: LibSSH2Session
    private(set) var stderrTail = ByteTail(limitBytes: SSHLimits.stderrTailBytes)
    private let windowBytes: Int
    /// Bytes by which the window is being widened.
    private var adjustment: UInt?
    /// Bytes that libssh2 may have begun to send; a cancelled writer leaves them to the next call.
    private var pendingOutput: ArraySlice<UInt8> = []

    init(_ raw: OpaquePointer, on session: LibSSH2Session, windowBytes: Int) {
        self.raw = raw
        self.session = session
        self.windowBytes = windowBytes
    }

    func start(_ command: String) throws(DriverFailure) -> Step<Void> {
        try session.step(
            libssh2_channel_process_startup(
                raw, "exec", 4, command, UInt32(command.utf8.count)))
    }

    // MARK: Output of the command

    func read(into room: UnsafeMutableRawBufferPointer) throws(DriverFailure) -> Step<Int> {
        let isEmptied = drainStderr()
        let count = read(0, room)
        if count == 0 { while !drainStderr() {} }
        if count >= 0 { return .done(count) }
        guard count == Int(LIBSSH2_ERROR_EAGAIN) else { throw session.failure(count) }
        return isEmptied ? .blocked : .unfinished
    }

    func exitStatus() throws(DriverFailure) -> Step<Int32?> {
        let isEmptied = drainStderr()
        guard case .done = try session.step(libssh2_channel_wait_eof(raw)) else {
            return isEmptied ? .blocked : .unfinished
        }
        guard case .done = try session.step(libssh2_channel_wait_closed(raw)) else {
            return .blocked
        }
        var signal: UnsafeMutablePointer<CChar>?
        libssh2_channel_get_exit_signal(raw, &signal, nil, nil, nil, nil, nil)
        guard let signal else { return .done(libssh2_channel_get_exit_status(raw)) }
        libssh2_free(session.raw, signal)
        return .done(nil)
    }

    /// Returns false if there is more.
    private func drainStderr() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            for _ in 0..<SSHLimits.stderrPiecesAtOnce {
                let count = read(SSH_EXTENDED_DATA_STDERR, buffer)
                guard count > 0 else { return true }
                stderrTail.append(buffer[..<count])
            }
            return false
        }
    }

    /// Reads from a stream (0, or `SSH_EXTENDED_DATA_STDERR`): a count, 0 at its end, or an error.
    private func read(_ stream: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let window = libssh2_channel_window_read_ex(raw, nil, nil)
        if adjustment != nil || window < UInt(windowBytes) / 4 * 3 {
            let amount = adjustment ?? UInt(windowBytes) - window
            adjustment = amount
            let code = libssh2_channel_receive_window_adjust2(raw, amount, 1, nil)
            if code != 0 { return Int(code) }
            adjustment = nil
        }
        // libssh2 would widen the window by itself if it were smaller than what is requested and
        // three quarters of the first one.
        let room = Int(libssh2_channel_window_read_ex(raw, nil, nil)) - SSHLimits.firstWindowBytes
        return libssh2_channel_read_ex(
            raw, stream, buffer.baseAddress, min(buffer.count, max(room, 1)))
    }

    // MARK: Input of the command

    func write(_ bytes: ArraySlice<UInt8>) throws(DriverFailure) -> Step<Int> {
        guard case .done = try flush() else { return .blocked }
        let piece = bytes.prefix(SSHLimits.packetWriteBytes)
        pendingOutput = piece
        _ = try flush()
        return .done(piece.count)
    }

    func flush() throws(DriverFailure) -> Step<Void> {
        try requireOpen()
        while !pendingOutput.isEmpty {
            let count = pendingOutput.withUnsafeBytes { bytes in
                libssh2_channel_write_ex(raw, 0, bytes.baseAddress, bytes.count)
            }
            if count == Int(LIBSSH2_ERROR_EAGAIN) { return .blocked }
            guard count >= 0 else { throw session.failure(count) }
            pendingOutput = pendingOutput.dropFirst(count)
        }
        pendingOutput = []  // an empty slice would still hold the writer's array
        return .done(())
    }

    func sendEOF() throws(DriverFailure) -> Step<Void> {
        guard case .done = try flush() else { return .blocked }
        return try session.step(libssh2_channel_send_eof(raw))
    }

    private func requireOpen() throws(DriverFailure) {
        guard isClosedByHost else { return }
        throw session.failure(Int(LIBSSH2_ERROR_CHANNEL_CLOSED))
    }

    /// The host has closed the channel: no reply and no window adjustment will come from it.
    private var isClosedByHost: Bool { libssh2_channel_wait_closed(raw) == 0 }

    // MARK: Keepalive and end

    /// libssh2's own keepalive is not used: it never removes the replies from its queue, which then
    /// grows, and is searched, for as long as the connection lives. Instead an environment variable
    /// is sent to a command that already runs, which every server refuses.
    func probe() throws(DriverFailure) -> Step<Void> {
        // There is no reply on a channel that the host has closed.
        guard !isClosedByHost else { return .done(()) }
        let name = "SSHKIT_KEEPALIVE"
        return try session.step(
            libssh2_channel_setenv_ex(raw, name, UInt32(name.utf8.count), "", 0))
    }

    func close() throws(DriverFailure) -> Step<Void> {
        let step = try session.step(libssh2_channel_close(raw))
        if case .done = step { libssh2_channel_free(raw) }
        return step
    }
}
