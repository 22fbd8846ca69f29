import SSHKit

/// The limits of SSH connections to hosts, each with its reason.
enum SSHLimits {
    /// Control: a small window, since logs are requested in chunks; a dead peer is detected after
    /// three keepalives.
    static let control = SSHOptions(
        connectTimeoutSeconds: 15, keepaliveSeconds: 5, windowBytes: 4 << 20)
    /// Transfers: the window allows 500 MiB/s at a round-trip time of 32 ms.
    static let transfer = SSHOptions(
        library: .libssh, connectTimeoutSeconds: 15, keepaliveSeconds: 15, windowBytes: 16 << 20)
    /// Threads for transfers; one connection is bound to one core.
    static let transferLoops = 2
    /// Bytes of an artifact that are read, written and hashed at once: each piece costs the same,
    /// whatever its size. Whole blocks, so that they can bypass the page cache.
    static let pieceBytes = 512 << 10
    /// The longest pauses before a transfer's login that was cut off is tried again. Logins take a
    /// fraction of a second each; what lasts for longer than 15 s is a fault of the host.
    static let loginPausesMilliseconds: [Int64] = [250, 500, 1000, 2000, 4000, 8000]
    /// Idle transfer connections kept for each host, ready for the next range.
    static let idleConnections = 2
    /// How long an idle one is kept: longer than the pause between two builds, shorter than sshd's
    /// timeouts.
    static let idleMilliseconds: Int64 = 60_000
    /// Time for the agent's hello after the command was started. A gate starts in milliseconds, but
    /// an agent that has just started tries its accelerators first, and allows 20 s for a guest
    /// that hangs under KVM.
    static let helloMilliseconds: Int64 = 60_000
    /// Lines without a known message between two that are known: a newer agent may send some.
    static let skippedLines = 256
    /// Messages that wait for the coordinator; beyond them SSH's window blocks the agent.
    static let readAheadBytes = 256 << 10
}
