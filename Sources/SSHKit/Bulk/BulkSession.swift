import CSSH
public import LoopKit
import Support

/// An SSH session for large transfers: one command at a time, as fast as this machine can. It is
/// carried by libssh, which decrypts whole packets and has AES-GCM; libssh2 1.10, which carries
/// everything else, decrypts by 16 bytes, and that bound a transfer by one core.
///
/// As `SSHConnection`, it runs on the loop, and libssh never blocks; see `complete`.
public actor BulkSession {
    public nonisolated let endpoint: SSHEndpoint
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    let loop: EventLoop
    let options: SSHOptions
    /// nil: closed, by us or by `failure`.
    var link: BulkLink?
    private var failure: SSHError?
    private var keepalive = Keepalive()
    private var keepaliveTask: Task<Void, Never>?

    private init(
        _ endpoint: SSHEndpoint, _ link: sending BulkLink, _ options: SSHOptions,
        _ loop: EventLoop
    ) {
        self.endpoint = endpoint
        self.link = link
        self.options = options
        self.loop = loop
    }

    deinit { keepaliveTask?.cancel() }

    /// Connects, checks the host's key and logs in.
    ///
    /// - Throws: `SSHError`; `CancellationError`.
    public static func connect(
        to endpoint: SSHEndpoint, expecting hostKey: SSHHostKey, identity: SSHIdentity,
        options: SSHOptions = SSHOptions(), loop: EventLoop
    ) async throws -> BulkSession {
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        let socket = try await Dialer.dial(
            endpoint, deadlineMilliseconds: deadline.milliseconds, loop: loop)
        let session = BulkSession(
            endpoint, try BulkLink(socket, endpoint, hostKeyType: hostKey.type, loop: loop),
            options, loop)
        do {
            try await session.handshake(hostKey, deadline)
            try await session.authenticate(identity, deadline)
            await session.startKeepalive()
            return session
        } catch {
            await session.close()
            throw error
        }
    }

    /// Ends the session. What waits on it gets `SSHError` (`closed`). Twice is fine.
    public func close() { fail(.closed(endpoint)) }

    // MARK: How libssh's calls are carried out

    func usable() throws(SSHError) -> BulkLink {
        if let link { return link }
        throw failure ?? .closed(endpoint)
    }

    /// Makes one call of libssh. If it took bytes off the socket, some may be what a call of
    /// another task waits for: all try again.
    func step<Result>(_ link: BulkLink, _ call: (BulkLink) -> Result) -> Result {
        let before = link.receivedBytes
        let result = call(link)
        if link.receivedBytes != before { loop.wake(fd: link.fd) }
        return result
    }

    /// Repeats a call until it has an answer, which is then not `SSH_AGAIN`.
    /// - Throws: `SSHError` when the session ends; `DeadlinePassed`; `CancellationError`.
    func complete(_ deadline: Deadline? = nil, _ call: (BulkLink) -> Int32) async throws -> Int32 {
        while true {
            let link = try usable()
            let before = link.receivedBytes
            let result = step(link, call)
            if result != SSH_AGAIN { return result }
            try await pause(receivedBefore: before, deadline)
        }
    }

    /// Waits for the socket, unless the call that could not go on took something off it: libssh
    /// takes a little at each call, and there may be more.
    func pause(receivedBefore: UInt64, _ deadline: Deadline? = nil) async throws {
        let link = try usable()
        if link.receivedBytes != receivedBefore {
            try Task.checkCancellation()
            await Task.yield()
        } else if try await !link.wait(deadline) {
            throw DeadlinePassed()
        }
    }

    /// Ends the session for `error`; all waiting calls wake and throw it.
    func fail(_ error: SSHError) {
        guard let link else { return }
        failure = error
        keepaliveTask?.cancel()
        self.link = nil
        loop.wake(fd: link.fd)
    }

    /// The error for a call that failed. What is wrong with the session itself ends it.
    func error(_ code: SSHError.Code, _ what: String) -> SSHError {
        guard let link else { return failure ?? .closed(endpoint) }
        let words = link.lastMessage()
        if link.isDenial { return SSHError(code, "\(endpoint.place): \(what): \(words).") }
        let error =
            words.contains("Socket error") || words.contains("isconnect")
            ? SSHError(
                .connectionLost, "The connection to \(endpoint.place) was lost: \(words).")
            : SSHError(
                .protocolViolated,
                "The SSH session with \(endpoint.place) broke: \(what): \(words).")
        fail(error)
        return error
    }
}

/// Finds dead hosts: any byte from the host counts as a sign of life. A session without a command
/// is not asked: nobody waits on it, and whoever starts one has a deadline.
extension BulkSession {
    private func startKeepalive() {
        guard options.keepaliveSeconds > 0 else { return }
        let period = Int64(options.keepaliveSeconds) * 1000
        keepaliveTask = Task { [weak self, loop] in
            while true {
                let next = Clocks.monotonicMilliseconds() + period
                guard (try? await loop.sleep(untilMilliseconds: next)) != nil,
                    await self?.askForLife() == true
                else { return }
            }
        }
    }

    /// False: the session is over.
    private func askForLife() -> Bool {
        guard let link else { return false }
        guard link.command != nil else {
            keepalive = Keepalive()
            return true
        }
        let received = link.receivedBytes
        let isSilent = keepalive.isAsking && received == keepalive.receivedBytes
        keepalive.missed = isSilent ? keepalive.missed + 1 : 0
        keepalive.receivedBytes = received
        keepalive.isAsking = true
        if keepalive.missed >= SSHLimits.missedKeepalives {
            fail(.silent(endpoint, seconds: keepalive.missed * options.keepaliveSeconds))
            return false
        }
        // The first call takes the answer to the last question, the second asks anew.
        step(link) { link in
            ssh_send_keepalive(link.raw)
            ssh_send_keepalive(link.raw)
        }
        return true
    }
}
