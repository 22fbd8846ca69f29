import Glibc

/// The limits of the server, each with its reason.
public struct HTTPServerLimits: Sendable {
    /// Largest request body. Bodies are JSON, forms and small uploads, held in memory while the
    /// handler runs.
    public var bodyBytes = 8 << 20

    /// All request bodies together. Without it, every allowed connection could hold a body of
    /// maximum size.
    public var allBodiesBytes = 256 << 20

    /// The bodies of one peer. Others then still have room when one sends many at once. The clients
    /// of a trusted proxy are peers of their own here, and one peer behind any other.
    public var bodiesOfPeerBytes = 64 << 20

    /// A body of a refused request up to this size is read and dropped, so that its client gets to
    /// read the reason: curl and browsers send what is so small before they read. Larger ones are
    /// not waited for.
    public var refusedBytes = 64 << 10

    /// The part of an oversized body that is read and discarded, so that a client that reads only
    /// after sending gets the reason; beyond it the connection is closed.
    public var discardedBytes = 64 << 20

    /// Request line and headers, and the send buffer, of one connection. Larger headers get 431.
    public var headerBytes = 32 << 10

    /// Open connections, including live streams. Each costs a descriptor and `headerBytes`; the
    /// usual descriptor limit of a service manager is above this.
    public var connections = 2048

    /// Open connections of one address that is no trusted proxy's. Half of all: thousands of
    /// followers may sit behind one gateway.
    public var connectionsOfPeer = 1024

    /// Connections that are accepted beyond these, so that a new one is there to take the place of
    /// an older one: first of one on which no request is under way, then of a stream, a body or a
    /// response of an address that holds more.
    public var spareConnections = 64

    /// Connections on which no complete request has arrived, of one peer and of all. One more
    /// closes the oldest, so that a client that sends its request at once is served, however many
    /// are silent. Connections that are kept alive between two requests count as well.
    public var waitingOfPeer = 256
    public var waiting = 1024

    /// From the connection to the end of the first request's headers. They are one packet; the
    /// rest is for a bad line.
    public var headerSeconds = 15

    /// A body must have arrived after this time, and a second more for each `bodyBytesPerSecond`
    /// of it: slower than any line, faster than what holds a connection on purpose.
    public var bodySeconds = 20
    public var bodyBytesPerSecond = 4 << 10

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
