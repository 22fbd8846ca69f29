import CSSH

/// A channel of libssh, with its accounting of the window.
final class LibSSHChannel: DriverChannel {
    let raw: ssh_channel
    private unowned let session: LibSSHSession
    /// Bytes from libssh beyond those that were requested.
    private var ahead: ArraySlice<UInt8> = []
    private let windowBytes: Int
    /// Bytes read since the window was last opened fully.
    private var takenBytes: Int
    /// `receivedBytes` at the last probe of the host.
    private var askedAtBytes: UInt64?
    private let stderr = Stderr()
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>

    private final class Stderr {
        var tail = ByteTail(limitBytes: SSHLimits.stderrTailBytes)
    }

    init(_ raw: ssh_channel, on session: LibSSHSession, windowBytes: Int) {
        self.raw = raw
        self.session = session
        self.windowBytes = windowBytes
        takenBytes = windowBytes
        // libssh's own buffer for it shares the window, which a command that writes only to
        // standard error would fill.
        callbacks = .allocate(capacity: 1)
        var take = ssh_channel_callbacks_struct()
        take.size = MemoryLayout<ssh_channel_callbacks_struct>.size
        take.userdata = Unmanaged.passUnretained(stderr).toOpaque()
        take.channel_data_function = { _, _, data, count, isStderr, context in
            guard isStderr == 1, let context, let data else { return 0 }
            let stderr = Unmanaged<Stderr>.fromOpaque(context).takeUnretainedValue()
            stderr.tail.append(UnsafeRawBufferPointer(start: data, count: Int(count)))
            return Int32(count)
        }
        callbacks.initialize(to: take)
        ssh_set_channel_callbacks(raw, callbacks)
    }

    /// libssh no longer refers to the channel: see `LibSSHSession.channels`.
    deinit { callbacks.deallocate() }

    func start(_ command: String) throws(DriverFailure) -> Step<Void> {
        try session.step(ssh_channel_request_exec(raw, command))
    }

    // MARK: Output of the command

    func read(into room: UnsafeMutableRawBufferPointer) throws(DriverFailure) -> Step<Int> {
        var count = 0
        for _ in 0..<SSHLimits.readCallsAtOnce where count < room.count {
            let before = session.receivedBytes
            let added = readOnce(into: UnsafeMutableRawBufferPointer(rebasing: room[count...]))
            // Bytes that were read before a failure come first.
            if added < 0 && count == 0 { throw session.failure() }
            if added < 0 || added == 0 && session.receivedBytes == before { break }
            count += added
        }
        return count > 0 || isAtEnd ? .done(count) : .blocked
    }

    /// Reads what has arrived: a count, 0 for nothing (yet), or an error.
    private func readOnce(into room: UnsafeMutableRawBufferPointer) -> Int {
        if !ahead.isEmpty {
            let count = min(ahead.count, room.count)
            room.copyBytes(from: ahead.prefix(count))
            ahead = ahead.dropFirst(count)
            return count
        }
        // libssh opens the window by as much as it is asked to read. If each call asked for all of
        // it, each packet of the host would be answered by a window adjustment.
        guard takenBytes >= windowBytes / 2 else { return take(room) }
        takenBytes = 0
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: windowBytes) { buffer, count in
            result = take(UnsafeMutableRawBufferPointer(buffer))
            count = max(0, result)
        }
        guard result > 0 else { return result }
        ahead = bytes[...]
        return readOnce(into: room)
    }

    private func take(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let count = ssh_channel_read_timeout(raw, room.baseAddress, UInt32(room.count), 0, 0)
        if count > 0 { takenBytes += Int(count) }
        // A host that closes without an EOF first: a command that was killed.
        if count < 0, ssh_channel_is_closed(raw) != 0, isAtEnd { return 0 }
        return Int(count)
    }

    private var isAtEnd: Bool { ahead.isEmpty && ssh_channel_is_eof(raw) != 0 }

    func exitStatus() throws(DriverFailure) -> Step<Int32?> {
        let status = ssh_channel_get_exit_status(raw)
        if status >= 0 { return .done(status) }
        return ssh_channel_is_closed(raw) != 0 ? .done(nil) : .blocked
    }

    var stderrTail: ByteTail { stderr.tail }

    // MARK: Input of the command

    func write(_ bytes: ArraySlice<UInt8>) throws(DriverFailure) -> Step<Int> {
        let count = bytes.prefix(SSHLimits.writeBytesAtOnce).withUnsafeBytes { piece in
            ssh_channel_write(raw, piece.baseAddress, UInt32(piece.count))
        }
        guard count >= 0 else { throw session.failure() }
        return count > 0 ? .done(Int(count)) : .blocked
    }

    /// libssh keeps what it accepted, and sends it with the session's output.
    func flush() throws(DriverFailure) -> Step<Void> { .done(()) }

    func sendEOF() throws(DriverFailure) -> Step<Void> {
        try session.step(ssh_channel_send_eof(raw))
    }

    // MARK: Keepalive and end

    func probe() throws(DriverFailure) -> Step<Void> {
        guard let asked = askedAtBytes else {
            askedAtBytes = session.receivedBytes
            // The first call takes the reply to the last probe, the second sends another.
            ssh_send_keepalive(session.raw)
            ssh_send_keepalive(session.raw)
            return .blocked
        }
        // Handles what has arrived from the socket.
        ssh_channel_poll_timeout(raw, 0, 0)
        guard session.receivedBytes != asked else { return .blocked }
        askedAtBytes = nil
        return .done(())
    }

    func close() -> Step<Void> {
        ssh_channel_close(raw)
        free()
        return .done(())
    }

    /// Must be called without `close` only if the host opened no channel: libssh would close the
    /// one with the number 0 instead.
    func free() {
        ssh_remove_channel_callbacks(raw, callbacks)
        ssh_channel_free(raw)
        session.channels[raw] = nil
    }
}
