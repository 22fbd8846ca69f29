//! SSHKit: SSH connections to hosts with known keys, on libssh2 or libssh and an event loop. It is
//! independent of images and builds, never falls back to a password, and never trusts a key by
//! itself.

public import LoopKit
import Support

/// A logged-in SSH connection. It may carry several channels, each with a concurrent reader and
/// writer.
///
/// The actor runs on the loop, and so does the library, which is never called from elsewhere. A
/// blocked call waits for the socket; because one call may read bytes that another waits for, each
/// call that read some wakes all others (see `step`).
public actor SSHConnection {
    public nonisolated let endpoint: SSHEndpoint
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    let loop: EventLoop
    let options: SSHOptions
    /// nil: closed, by `close` or by `failure`.
    var driver: (any Driver)?
    var failure: SSHError?
    var channels: [Int: any DriverChannel] = [:]
    var lastChannel = 0
    /// `receivedBytes` up to which all waiting calls have been woken.
    var announcedBytes: UInt64 = 0
    var isDraining = false
    /// The last of the calls that wait for a reply; see `inTurn`.
    var lastInTurn: Task<Void, Never>?
    var keepalive = Keepalive()
    var keepaliveTask: Task<Void, Never>?

    private init(
        _ endpoint: SSHEndpoint, _ driver: sending any Driver, _ options: SSHOptions,
        _ loop: EventLoop
    ) {
        self.endpoint = endpoint
        self.driver = driver
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
            _ = try await Handshake(expected: hostKey, deadline: deadline).run(on: connection)
            try await Login(identity: identity, deadline: deadline).run(on: connection)
            await connection.startKeepalive()
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Returns the key that a host presents, for an operator to compare with the key on the host.
    /// It proves only that its owner listens at that address.
    ///
    /// - Throws: `SSHError`; `CancellationError`.
    public static func scanHostKey(
        of endpoint: SSHEndpoint, options: SSHOptions = SSHOptions(), loop: EventLoop
    ) async throws -> SSHHostKey {
        let deadline = Deadline(seconds: options.connectTimeoutSeconds)
        let connection = try await dial(endpoint, options, loop, deadline)
        do {
            let key = try await Handshake(deadline: deadline).run(on: connection)
            await connection.close()
            return key
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Ends the connection. Waiting calls on it or its channels get `SSHError` (`closed`).
    /// Idempotent.
    public func close() {
        driver?.disconnect()
        fail(.closed(endpoint))
    }

    private static func dial(
        _ endpoint: SSHEndpoint, _ options: SSHOptions, _ loop: EventLoop, _ deadline: Deadline
    ) async throws -> SSHConnection {
        let socket = try await Dialer.dial(
            endpoint, deadlineMilliseconds: deadline.milliseconds, loop: loop)
        let driver: any Driver =
            switch options.library {
            case .libssh2: try LibSSH2Session(socket, endpoint, loop: loop)
            case .libssh: try LibSSHSession(socket, endpoint, loop: loop)
            }
        return SSHConnection(endpoint, driver, options, loop)
    }
}
