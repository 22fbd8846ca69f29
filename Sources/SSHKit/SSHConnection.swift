//! SSHKit: SSH connections to hosts whose key is known, on libssh2 and an event loop. It knows
//! nothing of images or builds, never falls back to a password, and never trusts a key by itself.

public import LoopKit
import Support

/// One SSH connection, logged in. It may carry several channels, each with a reader and a writer
/// at work at the same time.
///
/// The actor runs on the loop, and so does libssh2, which is never called from elsewhere. A call
/// that cannot go on waits for the socket; because one call may take bytes off the socket that
/// another waits for, each that took some wakes all others (see `step`).
public actor SSHConnection {
    public nonisolated let endpoint: SSHEndpoint
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    let loop: EventLoop
    let options: SSHOptions
    /// nil: closed, by us or by `failure`.
    var session: Session?
    var failure: SSHError?
    var channels: [Int: OpenChannel] = [:]
    var lastChannel = 0
    /// `receivedBytes` up to which all waiting calls have been told.
    var announcedBytes: UInt64 = 0
    var isDraining = false
    /// The last of those calls that wait for a reply; see `inTurn`.
    var lastInTurn: Task<Void, Never>?
    var keepalive = Keepalive()
    var keepaliveTask: Task<Void, Never>?

    private init(
        _ endpoint: SSHEndpoint, _ session: sending Session, _ options: SSHOptions,
        _ loop: EventLoop
    ) {
        self.endpoint = endpoint
        self.session = session
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
    ) async throws -> SSHConnection {
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        let connection = try await dial(endpoint, options, loop, deadline)
        do {
            try await connection.handshake(hostKeyType: hostKey.type, deadline)
            try await connection.check(hostKey)
            try await connection.authenticate(identity, deadline)
            await connection.startKeepalive()
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The key that a host shows, for an admin to compare with what the host itself says. Nothing
    /// is proved by it but that somebody answers there who owns it.
    ///
    /// - Throws: `SSHError`; `CancellationError`.
    public static func scanHostKey(
        of endpoint: SSHEndpoint, options: SSHOptions = SSHOptions(), loop: EventLoop
    ) async throws -> SSHHostKey {
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        let connection = try await dial(endpoint, options, loop, deadline)
        do {
            try await connection.handshake(hostKeyType: nil, deadline)
            let key = try await connection.hostKey()
            await connection.close()
            return key
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Ends the connection. What waits on it or its channels gets `SSHError` (`closed`). Twice is
    /// fine.
    public func close() {
        guard let session else { return }
        if failure == nil { session.sayGoodbye() }
        fail(SSHError(.closed, "The connection to \(endpoint.place) was closed."))
    }

    private static func dial(
        _ endpoint: SSHEndpoint, _ options: SSHOptions, _ loop: EventLoop, _ deadline: Deadline
    ) async throws -> SSHConnection {
        let socket = try await Dialer.dial(
            endpoint, deadlineMilliseconds: deadline.milliseconds, loop: loop)
        return SSHConnection(endpoint, try Session(socket, loop: loop), options, loop)
    }
}

/// A moment on the monotonic clock by which something must be done.
struct Deadline: Sendable {
    var milliseconds: Int64

    init(seconds: Int) { self.init(in: Int64(seconds) * 1000) }
    init(in milliseconds: Int64) {
        self.milliseconds = Clocks.monotonicMilliseconds() + milliseconds
    }
}
