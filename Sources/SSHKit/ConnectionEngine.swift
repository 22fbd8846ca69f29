import CSSH2
import LoopKit
import Support

/// How libssh2's calls are carried out.
extension SSHConnection {
    /// The session, or why there is none any more.
    func usable() throws(SSHError) -> Session {
        if let session { return session }
        throw failure ?? SSHError(.closed, "The connection to \(endpoint.place) was closed.")
    }

    /// Makes one libssh2 call. If it took bytes off the socket, some may be for a call of another
    /// task, which the socket will not wake any more: all are woken and try again.
    func step<Result>(_ session: Session, _ call: (Session) -> Result) -> Result {
        session.transport.renewBudget()
        let result = call(session)
        if session.transport.receivedBytes != announcedBytes {
            announcedBytes = session.transport.receivedBytes
            loop.wake(fd: session.transport.fd)
        }
        if session.transport.hasOutput && !isDraining {
            isDraining = true
            Task {
                try? await drainOutput()
                isDraining = false
            }
        }
        return result
    }

    /// Repeats a libssh2 call until it has an answer, which is then not `LIBSSH2_ERROR_EAGAIN`.
    /// - Throws: `SSHError` when the connection ends; `DeadlinePassed`; `CancellationError`.
    func complete(_ deadline: Deadline? = nil, _ call: (Session) -> Int) async throws -> Int {
        while true {
            let session = try usable()
            let before = session.transport.receivedBytes
            let result = step(session, call)
            if result != Int(LIBSSH2_ERROR_EAGAIN) { return result }
            if session.transport.receivedBytes != before {
                // What the call looked at before it took these bytes may be different now.
                await Task.yield()
                continue
            }
            guard try await waitForSocket(.readable, deadline) else { throw DeadlinePassed() }
        }
    }

    /// Waits after libssh2 could not go on. False: the deadline passed.
    func waitForSocket(_ interest: Interest, _ deadline: Deadline? = nil) async throws -> Bool {
        let transport = try usable().transport
        if let ending = transport.ending {
            fail(lost(ending))
            throw try lastFailure()
        }
        return try await loop.wait(
            fd: transport.fd, for: interest, deadlineMilliseconds: deadline?.milliseconds)
    }

    /// Returns when the socket has taken all that libssh2 sent.
    func drainOutput() async throws {
        while true {
            let transport = try usable().transport
            transport.flush()
            if !transport.hasOutput { return }
            _ = try await waitForSocket(.writable)
        }
    }

    /// Ends the connection for `error`; all waiting calls wake and throw it.
    func fail(_ error: SSHError) {
        if failure == nil { failure = error }
        keepaliveTask?.cancel()
        channels = [:]
        guard let session else { return }
        self.session = nil
        loop.wake(fd: session.transport.fd)
    }

    /// The error for a negative result. What is wrong with the session itself ends the connection.
    func error(_ result: Int, _ session: Session, _ code: SSHError.Code, _ what: String) -> SSHError
    {
        let isOfChannel =
            (Int(LIBSSH2_ERROR_CHANNEL_PACKET_EXCEEDED)...Int(LIBSSH2_ERROR_CHANNEL_OUTOFORDER))
            .contains(result)
            || [
                LIBSSH2_ERROR_CHANNEL_CLOSED, LIBSSH2_ERROR_CHANNEL_EOF_SENT,
                LIBSSH2_ERROR_CHANNEL_WINDOW_FULL, LIBSSH2_ERROR_REQUEST_DENIED,
            ].contains(Int32(clamping: result))
        if isOfChannel {
            return SSHError(code, "\(endpoint.place): \(what): \(session.lastMessage()).")
        }
        let gone =
            result == Int(LIBSSH2_ERROR_SOCKET_DISCONNECT)
            ? lost(.endOfStream)
            : SSHError(
                .protocolViolated,
                "The SSH session with \(endpoint.place) broke: \(what): \(session.lastMessage()).")
        fail(gone)
        return gone
    }

    func lastFailure() throws(SSHError) -> SSHError {
        _ = try usable()
        return SSHError(.closed, "The connection to \(endpoint.place) was closed.")
    }

    private func lost(_ ending: Transport.Ending) -> SSHError {
        let how =
            switch ending {
            case .endOfStream: "the host closed it"
            case .failed(let errno): "\(SystemError(errno: errno, "the network says"))"
            }
        return SSHError(
            .connectionLost, "The connection to \(endpoint.place) was lost: \(how).")
    }

    /// Runs calls that wait for a reply one after the other, and to their end even if the caller is
    /// cancelled. libssh2 keeps the state of opening a channel in the session, and takes the reply
    /// for one channel as a failure of another that waits for the same kind of reply.
    func inTurn<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let before = lastInTurn
        let task = Task {
            await before?.value
            return try await work()
        }
        lastInTurn = Task { _ = await task.result }
        return try await task.value
    }
}
