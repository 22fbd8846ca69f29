import LoopKit
import Support

/// Execution of the driver's calls.
extension SSHConnection {
    /// The driver, or the error that ended it.
    func usable() throws(SSHError) -> any Driver {
        if let driver { return driver }
        throw failure ?? .closed(endpoint)
    }

    /// Makes one call. If it read bytes from the socket, some may belong to a call of another task,
    /// which the socket will no longer wake: all are woken and try again.
    func step<Value>(
        _ driver: any Driver, _ call: (any Driver) throws -> Value
    ) rethrows -> Value {
        driver.prepare()
        defer {
            if driver.receivedBytes != announcedBytes {
                announcedBytes = driver.receivedBytes
                loop.wake(fd: driver.fd)
            }
            if driver.hasOutput && !isDraining {
                isDraining = true
                Task {
                    try? await drainOutput()
                    isDraining = false
                }
            }
        }
        return try call(driver)
    }

    /// Repeats a call until it is done.
    /// - Throws: `DriverFailure`; `SSHError` if the connection ends; `DeadlinePassed`;
    ///   `CancellationError`.
    func perform<Value>(
        _ deadline: Deadline? = nil, _ call: (any Driver) throws -> Step<Value>
    ) async throws -> Value {
        while true {
            let driver = try usable()
            let before = driver.receivedBytes
            switch try step(driver, call) {
            case .done(let value): return value
            case .blocked where driver.receivedBytes == before:
                guard try await waitForSocket(driver.interest, deadline) else {
                    throw DeadlinePassed()
                }
            case .blocked, .unfinished:
                // The state that the call checked before it read bytes may have changed.
                try Task.checkCancellation()
                await Task.yield()
            }
        }
    }

    /// `perform`, with a failure converted to an error that names the host.
    func complete<Value>(
        _ code: SSHErrorCode, _ what: String, _ deadline: Deadline? = nil,
        _ call: (any Driver) throws -> Step<Value>
    ) async throws -> Value {
        do {
            return try await perform(deadline, call)
        } catch let failure as DriverFailure {
            throw error(failure, code, what)
        }
    }

    /// Waits for the socket. Returns false if the deadline passed.
    func waitForSocket(_ interest: Interest, _ deadline: Deadline? = nil) async throws -> Bool {
        let driver = try usable()
        if let ending = driver.ending {
            let error = SSHError.connectionLost(endpoint, ending)
            fail(error)
            throw error
        }
        return try await loop.wait(
            fd: driver.fd, for: interest, deadlineMilliseconds: deadline?.milliseconds)
    }

    /// Returns when the socket has accepted everything that was sent.
    func drainOutput() async throws {
        while !step(try usable(), { $0.flush() }) {
            _ = try await waitForSocket(.writable)
        }
    }

    /// Ends the connection with `error`; all waiting calls wake and throw it.
    func fail(_ error: SSHError) {
        guard let driver else { return }
        failure = error
        keepaliveTask?.cancel()
        channels = [:]
        self.driver = nil
        loop.wake(fd: driver.fd)
    }

    /// The error for a failed call. A failure of the session itself ends the connection.
    func error(_ failure: DriverFailure, _ code: SSHErrorCode, _ what: String) -> SSHError {
        guard driver != nil else { return self.failure ?? .closed(endpoint) }
        if failure.kind == .channel {
            return SSHError(code, "\(endpoint.place): \(what).", cause: failure.cause)
        }
        let error: SSHError =
            failure.kind == .disconnected
            ? .connectionLost(endpoint, cause: failure.cause)
            : .sessionBroken(endpoint, what, failure.cause)
        fail(error)
        return error
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
