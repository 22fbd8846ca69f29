import CSSH2
import LoopKit

/// Opening and closing channels. Each call looks its channel up again after it waited: it may have
/// been closed.
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
        var opened: OpaquePointer?
        let result = try await complete(deadline) { session in
            opened = libssh2_channel_open_ex(
                session.raw, "session", 7, UInt32(SSHLimits.firstWindowBytes),
                UInt32(LIBSSH2_CHANNEL_PACKET_DEFAULT), nil, 0)
            return opened == nil ? Int(libssh2_session_last_errno(session.raw)) : 0
        }
        guard let opened else {
            throw error(
                result, try usable(), .channelRefused,
                "the host opens no further channel (MaxSessions in its sshd_config)")
        }
        lastChannel += 1
        channels[lastChannel] = OpenChannel(raw: opened, windowBytes: options.windowBytes)
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

    func channel(_ id: Int) throws(SSHError) -> OpenChannel {
        if let channel = channels[id] { return channel }
        throw SSHError(.channelClosed, "The channel to \(endpoint.place) was closed.")
    }

    /// `complete` for a call on a channel.
    func onChannel(
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
