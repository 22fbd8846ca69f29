import Glibc

/// The limits of the server, each with its reason.
public struct HTTPServerLimits: Sendable {
    /// Largest request body. Bodies are JSON, forms and small uploads, held in memory while the
    /// handler runs.
    public var bodyBytes = 8 << 20

    /// All request bodies together. Without it, every allowed connection could hold a body of
    /// maximum size.
    public var allBodiesBytes = 256 << 20

    /// The part of an oversized body that is read and discarded, so that a client that reads only
    /// after sending gets the reason; beyond it the connection is closed.
    public var discardedBytes = 64 << 20

    /// Request line and headers, and the send buffer, of one connection. Larger headers get 431.
    public var headerBytes = 32 << 10

    /// Open connections, including live streams. Each costs a descriptor and `headerBytes`; the
    /// usual descriptor limit of a service manager is above this.
    public var connections = 2048

    /// The kernel's send buffer of a stream, for a client that does not read. The kernel counts it
    /// double, and by default would use 4 MiB for each of a thousand. Files and other responses are
    /// not limited in this way: they end, and a long link to a client needs the buffer.
    public static let streamSendBytes = 64 << 10

    /// A connection on which nothing moves for so long is closed: idle keep-alive, half a request,
    /// a client that does not read. A stream that has nothing to send does not count as idle.
    public var idleSeconds = 60

    /// Threads that move bytes. They never run handlers, so one a core is enough.
    public var threads = min(8, max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

    /// Longest that `stop` waits for streams to go out whole: their sources have ended, so only a
    /// client that does not read is still on it.
    public var streamGraceMilliseconds = 500

    /// How long `stop` waits for responses in progress.
    public var stopGraceSeconds = 5

    public init() {}
}
