import CSSH2
import LoopKit

/// What flows through channels. Each call looks its channel up again after it waited: it may have
/// been closed.
extension SSHConnection {
    /// The next bytes of standard output; empty at its end.
    func read(_ id: Int, upTo limitBytes: Int) async throws -> [UInt8] {
        while true {
            let session = try usable()
            let channel = try channel(id)
            let (bytes, result) = readNow(session, channel, limitBytes)
            if result >= 0 { return bytes }
            if result != Int(LIBSSH2_ERROR_EAGAIN) {
                throw error(result, session, .channelClosed, "reading failed")
            }
            _ = try await waitForSocket(.readable)
        }
    }

    /// Reads what is there. Standard error shares the window, so it is emptied too: a command that
    /// only complains would otherwise fill it and wait for ever.
    private func readNow(
        _ session: Session, _ channel: OpenChannel, _ limitBytes: Int
    ) -> (bytes: [UInt8], result: Int) {
        var result = 0
        var bytes: [UInt8] = []
        var before: UInt64
        repeat {
            before = session.transport.receivedBytes
            drainStderr(session, channel)
            bytes = [UInt8](unsafeUninitializedCapacity: limitBytes) { buffer, count in
                result = step(session) { _ in
                    channel.read(0, UnsafeMutableRawBufferPointer(buffer))
                }
                count = max(0, result)
            }
            // What this call took off the socket may be standard error.
        } while result == Int(LIBSSH2_ERROR_EAGAIN) && before != session.transport.receivedBytes
        if result == 0 { drainStderr(session, channel) }
        // A short answer must not hold the memory of a long one.
        return (bytes.count < limitBytes / 4 ? Array(bytes[...]) : bytes, result)
    }

    private func drainStderr(_ session: Session, _ channel: OpenChannel) {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            while true {
                let count = step(session) { _ in channel.read(SSH_EXTENDED_DATA_STDERR, buffer) }
                guard count > 0 else { return }
                channel.stderrTail.append(buffer[..<count])
            }
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
        let ended = try await onChannel(id) { [self] session, channel in
            drainStderr(session, channel)
            return Int(libssh2_channel_wait_eof(channel.raw))
        }
        guard ended == 0 else {
            throw error(ended, try usable(), .channelClosed, "waiting for the end failed")
        }
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

    func stderrTail(_ id: Int) -> [UInt8] { channels[id]?.stderrTail.bytes ?? [] }
}
