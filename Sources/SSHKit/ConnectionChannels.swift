import CLinux
import LoopKit

/// Opening and closing channels. Each call looks up its channel again after waiting, because it may
/// have been closed.
extension SSHConnection {
    /// Runs `command` on the host in the user's shell, or the command that the key is restricted
    /// to.
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
            let windowBytes = options.windowBytes(
                roundTripMicroseconds: aib_tcp_round_trip(try usable().fd))
            let channel = try await complete(
                .channelRefused,
                "the host opens no further channel (MaxSessions in its sshd_config)", deadline
            ) { driver in try driver.openChannel(windowBytes: windowBytes) }
            lastChannel += 1
            let id = lastChannel
            channels[id] = channel
            do {
                try await onChannel(
                    id, "the host does not run a command for \(endpoint.user) with this key",
                    code: .commandRefused, deadline
                ) { channel in try channel.start(command) }
                return id
            } catch {
                await closeChannel(id)
                throw error
            }
        } catch is DeadlinePassed {
            // The host's late reply would be mistaken for the one to the next request.
            let error = SSHError.noChannel(endpoint, options)
            fail(error)
            throw error
        }
    }

    /// Closes the channel and waits a moment for the host to confirm; if it does not, the channel's
    /// memory is freed with the connection.
    func closeChannel(_ id: Int) async {
        guard let channel = channels.removeValue(forKey: id), let driver else { return }
        loop.wake(fd: driver.fd)
        // Also if the caller is cancelled.
        await Task {
            let deadline = Deadline(in: SSHLimits.closeMilliseconds)
            try? await perform(deadline) { _ in try channel.close() }
        }.value
    }

    /// `complete`, for a call on a channel.
    func onChannel<Value>(
        _ id: Int, _ what: String, code: SSHErrorCode = .channelClosed,
        _ deadline: Deadline? = nil, _ call: (any DriverChannel) throws -> Step<Value>
    ) async throws -> Value {
        try await complete(code, what, deadline) { _ in
            guard let channel = channels[id] else {
                throw SSHError(
                    .channelClosed, "The channel to \(endpoint.place) was closed.")
            }
            return try call(channel)
        }
    }
}
