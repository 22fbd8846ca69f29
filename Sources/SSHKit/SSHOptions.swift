public import LoopKit

/// The options of a connection.
public struct SSHOptions: Sendable, Hashable {
    /// The library that carries a connection.
    public enum Library: Sendable, Hashable, CaseIterable {
        /// For everything but large transfers.
        case libssh2
        /// For large transfers: it decrypts whole packets and has AES-GCM, while libssh2 1.10
        /// decrypts 16 bytes per call, which binds a transfer to one core.
        case libssh
    }

    public var library: Library
    /// From the name look-up to the login; also for opening a channel.
    public var connectTimeoutSeconds: Int
    /// The interval of keepalives to a silent host, which counts as dead after three without a
    /// reply. 0: never.
    public var keepaliveSeconds: Int
    /// The most that a host may send on one channel before it is read, which bounds the memory of a
    /// channel. The window follows the round-trip time, from 2 MiB up to this (16 MiB: 500 MiB/s at
    /// 32 ms). At least 256 KiB.
    public var windowBytes: Int

    public init(
        library: Library = .libssh2, connectTimeoutSeconds: Int = 15, keepaliveSeconds: Int = 15,
        windowBytes: Int = 16 << 20
    ) {
        self.library = library
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.keepaliveSeconds = keepaliveSeconds
        self.windowBytes = windowBytes
    }

    /// How wide the window is to be: a round trip at full speed. A wider one costs the host: sshd
    /// reads ahead from its pipe as far as the window goes, in one buffer.
    func windowBytes(roundTripMicroseconds: UInt32) -> Int {
        let needed = Int(roundTripMicroseconds) * SSHLimits.windowBytesPerMillisecond / 1000
        let wanted = max(needed, SSHLimits.usualWindowBytes)
        return max(min(wanted, windowBytes), SSHLimits.smallestWindowBytes)
    }
}

/// The credentials of a login. Passwords are not supported: sshd can restrict a key to a command,
/// but not a password.
public enum SSHIdentity: Sendable {
    /// A private key file. A passphrase blocks the loop for 100 ms and more at each login (its key
    /// derivation is slow on purpose): use an agent for many hosts.
    case keyFile(path: String, passphrase: String? = nil)
    /// A running ssh-agent; nil: the one that `SSH_AUTH_SOCK` names.
    case agent(socketPath: String? = nil)

    /// The public half, as `ssh-ed25519 AAAA…`; nil if the identity is no readable file of
    /// OpenSSH's own format.
    public func publicKey(loop: EventLoop) async -> String? {
        guard case .keyFile(let path, _) = self,
            let key = try? await KeyFile.read(
                path, loop: loop, Deadline(seconds: SSHLimits.keyFileSeconds)),
            let blob = key.publicKey
        else { return nil }
        return (try? SSHHostKey(blob: blob))?.description
    }
}
