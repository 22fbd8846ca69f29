import CSSH2
import LoopKit

/// What flows through channels. Each call looks its channel up again after it waited: it may have
/// been closed.
extension SSHConnection {
    /// The next bytes of standard output; empty at its end.
    ///
    /// Standard error shares the window, so it is emptied too: a command that only complains would
    /// otherwise fill it and wait for ever.
    func read(_ id: Int, upTo limitBytes: Int) async throws -> [UInt8] {
        while true {
            let session = try usable()
            let channel = try channel(id)
            let before = session.transport.receivedBytes
            let isEmptied = drainStderr(session, channel)
            var result = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limitBytes) { buffer, count in
                result = step(session) { _ in
                    channel.read(0, UnsafeMutableRawBufferPointer(buffer))
                }
                count = max(0, result)
            }
            if result == 0 { while !drainStderr(session, channel) {} }
            // A short answer must not hold the memory of a long one.
            if result >= 0 { return bytes.count < limitBytes / 4 ? Array(bytes[...]) : bytes }
            if result != Int(LIBSSH2_ERROR_EAGAIN) {
                throw error(result, session, .channelClosed, "reading failed")
            }
            try await pause(session, isEmptied: isEmptied, receivedBefore: before)
        }
    }

    /// False: there is more. The loop has others to serve.
    private func drainStderr(_ session: Session, _ channel: OpenChannel) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            for _ in 0..<SSHLimits.stderrPiecesAtOnce {
                let count = step(session) { _ in channel.read(SSH_EXTENDED_DATA_STDERR, buffer) }
                guard count > 0 else { return true }
                channel.stderrTail.append(buffer[..<count])
            }
            return false
        }
    }

    /// Waits for the socket, unless there may be something to do already: standard error that was
    /// left, or that came with the bytes that were just taken off the socket.
    private func pause(
        _ session: Session, isEmptied: Bool, receivedBefore: UInt64
    ) async throws {
        if isEmptied && session.transport.receivedBytes == receivedBefore {
            _ = try await waitForSocket(.readable)
        } else {
            await Task.yield()
        }
    }

    func write(_ id: Int, _ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try await output(id, "the command takes no more input") { channel in
                channel.write(rest)
            }
            rest = rest.dropFirst(count)
            try await drainOutput()
        }
        try await flush(id)
    }

    func sendEOF(_ id: Int) async throws {
        try await flush(id)
        _ = try await output(id, "ending the input failed") { channel in
            Int(libssh2_channel_send_eof(channel.raw))
        }
    }

    private func flush(_ id: Int) async throws {
        _ = try await output(id, "the command takes no more input") { channel in channel.flush() }
    }

    /// A call that sends: its result, which is not negative.
    private func output(
        _ id: Int, _ failure: String, _ call: (OpenChannel) -> Int
    ) async throws -> Int {
        let result = try await onChannel(id) { _, channel in
            channel.isClosedByHost ? Int(LIBSSH2_ERROR_CHANNEL_CLOSED) : call(channel)
        }
        guard result < 0 else { return result }
        throw error(result, try usable(), .channelClosed, failure)
    }

    func exitStatus(_ id: Int) async throws -> Int32? {
        try await waitForEnd(id)
        let closed = try await onChannel(id) { _, channel in
            Int(libssh2_channel_wait_closed(channel.raw))
        }
        let session = try usable()
        guard closed == 0 else {
            throw error(closed, session, .channelClosed, "waiting for the end failed")
        }
        let channel = try channel(id)
        var signal: UnsafeMutablePointer<CChar>?
        libssh2_channel_get_exit_signal(channel.raw, &signal, nil, nil, nil, nil, nil)
        if let signal {
            libssh2_free(session.raw, signal)
            return nil
        }
        return libssh2_channel_get_exit_status(channel.raw)
    }

    private func waitForEnd(_ id: Int) async throws {
        while true {
            let session = try usable()
            let channel = try channel(id)
            let before = session.transport.receivedBytes
            let isEmptied = drainStderr(session, channel)
            let result = step(session) { _ in Int(libssh2_channel_wait_eof(channel.raw)) }
            if result == 0 { return }
            if result != Int(LIBSSH2_ERROR_EAGAIN) {
                throw error(result, session, .channelClosed, "waiting for the end failed")
            }
            try await pause(session, isEmptied: isEmptied, receivedBefore: before)
        }
    }

    func stderrTail(_ id: Int) -> [UInt8] { channels[id]?.stderrTail.bytes ?? [] }
}
