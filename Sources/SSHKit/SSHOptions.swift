/// How a connection behaves.
public struct SSHOptions: Sendable, Hashable {
    /// From the look-up of the name to the login; also for opening a channel.
    public var connectTimeoutSeconds: Int
    /// How often a silent host is asked whether it lives; it is taken for dead when it leaves
    /// three questions unanswered. 0: never.
    public var keepaliveSeconds: Int
    /// How much a host may send on one channel before it is read: the memory a channel can take,
    /// and what keeps a long line full (16 MiB: 800 MiB/s at 20 ms). At least 256 KiB.
    public var windowBytes: Int

    public init(
        connectTimeoutSeconds: Int = 15, keepaliveSeconds: Int = 15, windowBytes: Int = 16 << 20
    ) {
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.keepaliveSeconds = keepaliveSeconds
        self.windowBytes = windowBytes
    }
}
