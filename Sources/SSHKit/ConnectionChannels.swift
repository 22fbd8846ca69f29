import CSSH2
import LoopKit

/// What the connection keeps of a channel.
final class OpenChannel {
    let raw: OpaquePointer
    var stderrTail = ByteTail(limitBytes: SSHLimits.stderrTailBytes)

    init(raw: OpaquePointer) { self.raw = raw }
}

/// Channels. Each call looks its channel up again after it waited: it may have been closed.
extension SSHConnection {
    /// Runs `command` on the host, in the user's shell, or what the key is forced to.
    ///
    /// - Throws: `SSHError`; `CancellationError`.
    public func openChannel(command: String) async throws -> SSHChannel {
        let id = try await inTurn { try await self.open(command) }
        let channel = SSHChannel(connection: self, id: id)
        if Task.isCancelled {
            await channel.close()
            throw CancellationError()
        }
        return channel
    }

    private func open(_ command: String) async throws -> Int {
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        do {
            let id = try await openSession(deadline)
            do {
                try await start(command, id, deadline)
                return id
            } catch {
                await closeChannel(id)
                throw error
            }
        } catch is DeadlinePassed {
            // The host's late answer would be taken for that to the next request.
            fail(
                SSHError(
                    .timedOut,
                    "\(endpoint.place) did not open a channel within "
                        + "\(options.connectTimeoutSeconds) s."))
            throw try lastFailure()
        }
    }

    private func openSession(_ deadline: Deadline) async throws -> Int {
        let window = UInt32(clamping: options.windowBytes)
        var opened: OpaquePointer?
        let result = try await complete(deadline) { session in
            opened = libssh2_channel_open_ex(
                session.raw, "session", 7, window, UInt32(LIBSSH2_CHANNEL_PACKET_DEFAULT), nil, 0)
            return opened == nil ? Int(libssh2_session_last_errno(session.raw)) : 0
        }
        guard let opened else {
            throw error(
                result, try usable(), .channelRefused,
                "the host opens no further channel (MaxSessions in its sshd_config)")
        }
        lastChannel += 1
        channels[lastChannel] = OpenChannel(raw: opened)
        return lastChannel
    }

    private func start(_ command: String, _ id: Int, _ deadline: Deadline) async throws {
        let result = try await onChannel(id, deadline) { _, channel in
            Int(
                libssh2_channel_process_startup(
                    channel.raw, "exec", 4, command, UInt32(command.utf8.count)))
        }
        guard result == 0 else {
            throw error(
                result, try usable(), .commandRefused,
                "the host does not run a command for "
                    + "\(endpoint.user) with this key")
        }
    }

    /// nil at the end of the stream.
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
                    Int(
                        libssh2_channel_read_ex(
                            channel.raw, 0, buffer.baseAddress, buffer.count))
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
                let count = step(session) { _ in
                    libssh2_channel_read_ex(
                        channel.raw, SSH_EXTENDED_DATA_STDERR, buffer.baseAddress, buffer.count)
                }
                guard count > 0 else { return }
                channel.stderrTail.append(buffer[..<count])
            }
        }
    }

    func write(_ id: Int, _ bytes: [UInt8]) async throws {
        var done = 0
        while done < bytes.count {
            let result = try await onChannel(id) { _, channel in
                // A host that has closed the channel will never widen its window again.
                if libssh2_channel_wait_closed(channel.raw) == 0 {
                    return Int(LIBSSH2_ERROR_CHANNEL_CLOSED)
                }
                return bytes.withUnsafeBytes { raw in
                    let rest = UnsafeRawBufferPointer(rebasing: raw[done...])
                    return libssh2_channel_write_ex(channel.raw, 0, rest.baseAddress, rest.count)
                }
            }
            guard result >= 0 else {
                throw error(result, try usable(), .channelClosed, "the command takes no more input")
            }
            done += result
            try await drainOutput()
        }
    }

    func sendEOF(_ id: Int) async throws {
        let result = try await onChannel(id) { _, channel in
            Int(libssh2_channel_send_eof(channel.raw))
        }
        guard result == 0 else {
            throw error(result, try usable(), .channelClosed, "ending the input failed")
        }
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

    /// Closes the channel and waits a moment for the host to agree; if it does not, the channel's
    /// memory is freed with the connection.
    func closeChannel(_ id: Int) async {
        guard let channel = channels.removeValue(forKey: id), let session else { return }
        loop.wake(fd: session.transport.fd)
        // Even when the caller is cancelled.
        await Task {
            let deadline = Deadline(in: SSHLimits.closeMilliseconds)
            let result = try? await complete(deadline) { _ in
                Int(libssh2_channel_close(channel.raw))
            }
            if result == 0, self.session != nil { libssh2_channel_free(channel.raw) }
        }.value
    }

    private func channel(_ id: Int) throws(SSHError) -> OpenChannel {
        if let channel = channels[id] { return channel }
        throw SSHError(.channelClosed, "The channel to \(endpoint.place) was closed.")
    }

    /// `complete` for a call on a channel.
    private func onChannel(
        _ id: Int, _ deadline: Deadline? = nil, _ call: (Session, OpenChannel) -> Int
    ) async throws -> Int {
        var missing: SSHError?
        let result = try await complete(deadline) { session in
            do throws(SSHError) {
                return call(session, try channel(id))
            } catch {
                missing = error
                return 0
            }
        }
        if let missing { throw missing }
        return result
    }
}
