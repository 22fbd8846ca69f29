/// The limits of the client, each with its reason.
public struct HTTPClientLimits: Sendable {
    /// Concurrent transfers, each on its own thread; more wait.
    public var transfers = 32

    /// Transfers that may wait; more are refused, because something is wrong.
    public var waitingTransfers = 1024

    /// Largest body of a response that is held in memory. Downloads and streams are not.
    public var answerBytes = 64 << 20

    /// The part of an error's body that is read in order to quote it.
    public var errorBytes = 64 << 10

    /// Total size of the headers of a response.
    public var headerBytes = 256 << 10

    /// Redirects that a download follows: mirrors need two or three, a loop is endless.
    public var redirects = 8

    /// Redirects that a request or stream follows, with all of its headers including the token:
    /// only for a caller that trusts the server's redirects, such as those of a standby to its
    /// leader.
    public var trustedRedirects = 0

    public init() {}
}

/// The timeouts of a transfer.
public struct HTTPTimeouts: Sendable, Hashable {
    /// Name resolution, connection and TLS together.
    public var connectSeconds: Double
    /// Longest time without a byte in either direction, once connected.
    public var stallSeconds: Double
    /// The whole transfer; `nil` for no limit.
    public var totalSeconds: Double?

    public init(
        connectSeconds: Double = 10, stallSeconds: Double = 30, totalSeconds: Double? = nil
    ) {
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.totalSeconds = totalSeconds
    }
}
