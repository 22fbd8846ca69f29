/// The limits of SSHKit, each with its reason.
enum SSHLimits {
    /// Bytes read from one socket before the loop turns to the others: 3 ms of decryption.
    static let receiveBytesAtOnce = 1 << 20
    /// The window with which a channel is opened. It is widened at once; libssh2 takes three
    /// quarters of this one for the moment to act by itself, which it must not, see `OpenChannel`.
    static let firstWindowBytes = 32 << 10
    static let smallestWindowBytes = 256 << 10
    /// The window for a short round trip. As OpenSSH's own; sshd spends up to three times the CPU
    /// on a window of 16 MiB that it can fill.
    static let usualWindowBytes = 2 << 20
    /// Added for each millisecond of round trip: 512 MiB/s, more than one session can decrypt.
    static let windowBytesPerMillisecond = 512 << 10
    /// Calls of libssh, each of which reads 4 KiB from the socket, before the loop turns to others.
    static let readCallsAtOnce = 256
    /// Bytes given to libssh at once; it makes packets of them.
    static let writeBytesAtOnce = 128 << 10
    /// Bytes given to libssh2 at once: it makes one packet of them.
    static let packetWriteBytes = 32 << 10
    /// The part of standard error that is kept: its end contains the reason of a failure.
    static let stderrTailBytes = 64 << 10
    /// Pieces of 16 KiB of standard error before the loop turns to the others.
    static let stderrPiecesAtOnce = 64
    /// Output that is buffered for a socket that accepts no more. A writer waits after each packet;
    /// this limits a host that keeps sending requests without reading the replies.
    static let outputBytes = 1 << 20
    /// Keys of an agent that are tried: sshd's MaxAuthTries is 6.
    static let agentKeys = 5
    /// Untrusted files and messages: private keys, an agent's messages, a host's banner.
    static let keyFileBytes = 64 << 10
    /// A file system that hangs must not hold up an error message.
    static let keyFileSeconds = 5
    /// Lines of a few thousand hosts.
    static let knownHostsBytes = 1 << 20
    static let agentMessageBytes = 256 << 10
    static let bannerBytes = 8 << 10
    /// RFC 4253, section 6.1.
    static let packetBytes = 35_000
    /// Unanswered keepalives after which a host counts as dead.
    static let missedKeepalives = 3
    /// How long closing waits for the host to confirm.
    static let closeMilliseconds: Int64 = 3000
    /// How long reading a host's offers may take after a failed handshake.
    static let probeMilliseconds: Int64 = 5000
    /// An agent may prompt its user for a signature (`ssh-add -c`).
    static let agentMilliseconds: Int64 = 30_000
}
