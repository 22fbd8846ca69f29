import CLinux
import Glibc
public import Support
import Synchronization

/// A Unix socket that accepts connections. Its file has mode 0600.
public final class UnixListener: Sendable {
    public let path: String
    /// -1 when closed; as in `AsyncDescriptor`.
    private let fd: Mutex<Int32>
    private let number: Int32
    private let loop: EventLoop

    /// Replaces a socket file without a listener.
    /// - Throws: `SystemError`: `EADDRINUSE` if another process listens there, `ENOTSOCK` if `path`
    ///   is not a socket.
    public init(path: String, loop: EventLoop) throws(SystemError) {
        try Self.removeStale(path)
        number = try checked(
            aib_unix_listen(path, LoopLimits.listenBacklog), "cannot listen on \(path)")
        fd = Mutex(number)
        self.path = path
        self.loop = loop
    }

    deinit { close() }

    /// The next connection.
    /// - Throws: `SystemError` (`EBADF` after `close`; `EMFILE` if the process has no descriptor
    ///   left: the connection stays in the backlog), `CancellationError`.
    public func accept() async throws -> AsyncDescriptor {
        while true {
            let peer = fd.withLock { fd in aib_accept(fd) }
            switch -peer {
            case EAGAIN:
                _ = try await loop.wait(
                    fd: number, for: .readable, nil,
                    unless: { fd.withLock { fd in fd < 0 } })
            case EINTR, ECONNABORTED: continue
            default:
                try checked(peer, "cannot accept a connection on \(path)")
                return try AsyncDescriptor(Descriptor(owning: peer), loop: loop)
            }
        }
    }

    /// Stops listening and removes the socket file. Idempotent.
    public func close() {
        let open = fd.withLock { fd in
            defer { fd = -1 }
            return fd
        }
        guard open >= 0 else { return }
        unlink(path)
        loop.forget(fd: open)
        _ = Glibc.close(open)
    }

    private static func removeStale(_ path: String) throws(SystemError) {
        guard let kind = Files.kind(path) else { return }
        // A connect to a regular file is refused just as one to a socket without a listener.
        guard kind == .other else {
            throw SystemError(errno: ENOTSOCK, "cannot listen on \(path)")
        }
        let probe = aib_unix_connect(path)
        if probe >= 0 { _ = Glibc.close(probe) }
        guard probe == -ECONNREFUSED else {
            throw SystemError(errno: EADDRINUSE, "cannot listen on \(path)")
        }
        try Files.remove(path)
    }
}

/// Connects to Unix sockets.
public enum UnixSocket {
    /// Waits a few seconds if the listener's backlog is full.
    /// - Throws: `SystemError` (`ENOENT`, `ECONNREFUSED`: no listener), `CancellationError`.
    public static func connect(path: String, loop: EventLoop) async throws -> AsyncDescriptor {
        let deadline = Clocks.monotonicMilliseconds() + LoopLimits.backlogWaitMilliseconds
        while true {
            let fd = aib_unix_connect(path)
            let now = Clocks.monotonicMilliseconds()
            if fd == -EAGAIN, now < deadline {
                try await loop.sleep(untilMilliseconds: now + LoopLimits.backlogRetryMilliseconds)
                continue
            }
            try checked(fd, "cannot connect to \(path)")
            return try AsyncDescriptor(Descriptor(owning: fd), loop: loop)
        }
    }
}
