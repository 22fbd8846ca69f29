import SSHKit

/// Every bound of the way to the hosts, each with its reason.
enum SSHLimits {
    /// Control: small window, since logs are asked for piece by piece; a dead peer is noticed
    /// within three keepalives.
    static let control = SSHOptions(
        connectTimeoutSeconds: 15, keepaliveSeconds: 5, windowBytes: 4 << 20)
    /// Transfers: the window is enough for 500 MiB/s over 32 ms.
    static let transfer = SSHOptions(
        library: .libssh, connectTimeoutSeconds: 15, keepaliveSeconds: 15, windowBytes: 16 << 20)
    /// Threads for transfers; one connection is bound by one core.
    static let transferLoops = 2
    /// Bytes of an artifact that are read, then written and hashed at once: each piece costs the
    /// same, whatever its size. Whole blocks, so that they can be written past the page cache.
    static let pieceBytes = 512 << 10
    /// Idle transfer connections kept for each host, ready for the next range.
    static let idleConnections = 2
    /// How long one is kept. Longer than the pause between two builds, shorter than sshd minds.
    static let idleMilliseconds: Int64 = 60_000
    /// Time for the agent to say hello after the command was started. A gate starts in
    /// milliseconds, but an agent that has just started tries its accelerators first, and a guest
    /// that hangs under kvm is given 20 s.
    static let helloMilliseconds: Int64 = 60_000
    /// Messages that wait for the coordinator; beyond them SSH's window holds the agent back.
    static let readAheadBytes = 256 << 10
}
