//! HTTPServerKit: an HTTP/1.1 server on libmicrohttpd: bytes, files and streams, with limits on
//! everything that a client can make grow. It is independent of the content, and runs no handler on
//! the library's threads.

import CMicroHTTPD
import Dispatch
public import HTTPTypes
import Support
import Synchronization

/// A listening server. Start once, stop once.
public final class HTTPServer: Sendable {
    private struct State {
        var daemon: DaemonHandle?
        var boundPort: UInt16 = 0
        /// Closes connections whose time is over.
        var clock: Task<Void, Never>?
    }

    private let host: String
    private let port: UInt16
    private let portSetting: String
    private let core: ServerCore
    private let state = Mutex(State())

    /// - Parameters:
    ///   - host: a numeric address, or `localhost`.
    ///   - port: 0 for any free one; see `boundPort`.
    ///   - tls: `nil`: requests and answers are in clear.
    ///   - proxies: tell for whom they send requests. They are not limited as one peer.
    ///   - portSetting: the name of the port's setting, for the error that it is in use.
    ///   - oversized: the answer to a request with too large a body, which is discarded; status 413
    ///     if it returns `nil`. Called like `admit`.
    ///   - admit: called before the body is read, on the library's thread, so it must not wait. The
    ///     body is empty. What it returns is called once the body has arrived, many concurrently,
    ///     in tasks that are cancelled when the server stops.
    public init(
        host: String, port: UInt16, limits: HTTPServerLimits = HTTPServerLimits(),
        tls: TLSIdentity? = nil, proxies: TrustedProxies = TrustedProxies(),
        portSetting: String = "--port",
        oversized: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
        admit: @escaping @Sendable (HTTPRequest) -> HTTPAdmission
    ) {
        self.host = host
        self.port = port
        self.portSetting = portSetting
        core = ServerCore(
            limits: limits, identity: tls, proxies: proxies, oversized: oversized, admit: admit)
    }

    /// One that serves every request.
    public convenience init(
        host: String, port: UInt16, limits: HTTPServerLimits = HTTPServerLimits(),
        tls: TLSIdentity? = nil, proxies: TrustedProxies = TrustedProxies(),
        handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.init(host: host, port: port, limits: limits, tls: tls, proxies: proxies) { _ in
            .served(handler)
        }
    }

    /// The port that the server listens on; 0 before `start`.
    public var boundPort: UInt16 { state.withLock { $0.boundPort } }

    /// Whether new connections wait until others end: each thread has its share of the limit.
    public var isFull: Bool {
        let open = state.withLock { $0.daemon?.connections ?? 0 }
        let limits = core.limits
        return open + limits.threads > limits.connections + limits.spareConnections
    }

    /// From the next handshake on, clients see this certificate. Only of a server that began with
    /// one.
    public func use(_ identity: TLSIdentity) { core.use(identity) }

    /// Starts to listen. A connection right after the return is accepted.
    public func start() throws(HTTPServerError) {
        let socket = try Listener.open(host: host, port: port, portSetting: portSetting)
        let bound = Listener.boundPort(socket.raw) ?? port
        let limits = core.limits
        let options = aib_mhd_options(
            listen_fd: socket.raw, threads: UInt32(limits.threads),
            connections: UInt32(limits.connections + limits.spareConnections),
            // 0: as many as there are.
            connections_of_peer: core.proxies.isEmpty
                ? UInt32(limits.connectionsOfPeer + limits.spareConnections) : 0,
            idle_seconds: UInt32(limits.idleSeconds),
            memory_bytes: limits.headerBytes, is_tls: core.isEncrypted)
        // The library keeps the pointer until `stop` stops its daemon; a server that is never
        // stopped keeps its core.
        let context = Unmanaged.passRetained(core)
        let daemon = aib_mhd_start(
            options, Callbacks.accept, Callbacks.step, Callbacks.begin, Callbacks.completed,
            Callbacks.connection, Callbacks.certificates, context.toOpaque())
        guard let daemon else {
            context.release()
            throw HTTPServerError(
                "cannot start the HTTP server", cause: SystemError.last("libmicrohttpd refused"))
        }
        _ = socket.release()  // the daemon's from here on
        let clock = Task { [connections = core.connections] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                connections.closeLate(nowMilliseconds: Clocks.monotonicMilliseconds())
            }
        }
        state.withLock {
            $0 = State(daemon: DaemonHandle(raw: daemon), boundPort: bound, clock: clock)
        }
    }

    /// Stops: closes new connections at once, lets streams whose sources have ended complete and
    /// cuts the others (`streamGraceMilliseconds`), lets responses in progress complete for a few
    /// seconds (`stopGraceSeconds`), then closes every connection. The port is free on return.
    public func stop() async {
        guard let daemon = state.withLock({ $0.daemon.take() }) else { return }
        state.withLock { $0.clock.take() }?.cancel()
        // Not `MHD_quiesce_daemon`: if a thread of the pool takes the listening socket out of its
        // epoll set at that moment, the library ends the process.
        core.refuseConnections()
        await idle(withinMilliseconds: Int64(core.limits.streamGraceMilliseconds))
        core.stopStreams()
        await idle(withinMilliseconds: Int64(core.limits.stopGraceSeconds) * 1000)
        core.stopAll()
        await withCheckedContinuation { done in
            // Joins the library's threads, so not on the cooperative pool.
            DispatchQueue(label: "http-server-stop").async {
                daemon.stop()
                done.resume()
            }
        }
        Unmanaged.passUnretained(core).release()
    }

    private func idle(withinMilliseconds limit: Int64) async {
        let deadline = Clocks.monotonicMilliseconds() + limit
        while core.exchangesUnderWay > 0, Clocks.monotonicMilliseconds() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// The library's daemon. Sendable although it is a pointer: the library does its own locking, and
/// `HTTPServer.stop` takes the only copy out of its lock, so that it is stopped once.
private struct DaemonHandle: @unchecked Sendable {
    let raw: OpaquePointer

    var connections: Int { Int(aib_mhd_connections(raw)) }

    func stop() { MHD_stop_daemon(raw) }
}
