/// Every bound of the client, each with its reason.
public struct HTTPClientLimits: Sendable {
    /// Transfers at once, each on its own thread; more wait for their turn.
    public var transfers = 32

    /// Transfers that wait for their turn; more are refused, because something is wrong.
    public var waitingTransfers = 1024

    /// Largest body of an answer that is held in memory. Downloads and streams are not held.
    public var answerBytes = 64 << 20

    /// What is read of an error's body to quote it.
    public var errorBytes = 64 << 10

    /// Headers of one answer, all together.
    public var headerBytes = 256 << 10

    /// Redirects that a download follows: mirrors need two or three, a loop has no end.
    public var redirects = 8

    /// Redirects that a request or stream follows, with all of its headers, its token among them:
    /// only for a caller that trusts where the server sends it. A standby names its leader so.
    public var trustedRedirects = 0

    public init() {}
}

/// How long a transfer may take.
public struct HTTPTimeouts: Sendable, Hashable {
    /// Name, connection and TLS together.
    public var connectSeconds: Double
    /// Longest time in which not one byte comes or goes, once connected.
    public var stallSeconds: Double
    /// The whole transfer; `nil` for as long as it takes.
    public var totalSeconds: Double?

    public init(
        connectSeconds: Double = 10, stallSeconds: Double = 30, totalSeconds: Double? = nil
    ) {
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.totalSeconds = totalSeconds
    }
}
