import Glibc

/// Every bound of the server, each with its reason.
public struct HTTPServerLimits: Sendable {
    /// Largest request body. Bodies are JSON, forms and small uploads, held in memory while the
    /// handler runs.
    public var bodyBytes = 8 << 20

    /// All request bodies together. Without it, every allowed connection could hold a largest body.
    public var allBodiesBytes = 256 << 20

    /// A body that is too large is read on and thrown away up to this many bytes, so that a client
    /// that sends first and reads then gets to read the reason; above it the connection is cut.
    public var discardedBytes = 64 << 20

    /// Request line and headers, and the buffer for what is sent, of one connection. Larger headers
    /// get 431.
    public var headerBytes = 32 << 10

    /// Open connections, live streams included. Each costs a descriptor and `headerBytes`; the
    /// usual limit of descriptors that a service manager sets is above this.
    public var connections = 2048

    /// What the kernel keeps of a stream for a client that does not read; it counts this double,
    /// and by itself would take 4 MiB for each of a thousand. Files and answers are not bounded so:
    /// they have an end, and a long line to a client needs the room.
    public static let streamSendBytes = 64 << 10

    /// A connection on which nothing moves for so long is closed: idle keep-alive, half a request,
    /// a client that does not read. A stream that has nothing to send does not count as idle.
    public var idleSeconds = 60

    /// Threads that move bytes. They never run handlers, so one a core is enough.
    public var threads = min(8, max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

    /// Longest that `stop` waits for streams to go out whole: their sources have ended, so only a
    /// client that does not read is still on it.
    public var streamGraceMilliseconds = 500

    /// Longest that `stop` waits for answers under way.
    public var stopGraceSeconds = 5

    public init() {}
}
