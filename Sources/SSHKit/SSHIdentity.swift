/// With what to log in. A password is not among it: sshd forces a command on a key, not on one.
public enum SSHIdentity: Sendable {
    /// A private key file. A passphrase costs the loop 100 ms and more at each login (its key
    /// derivation is slow on purpose): for many hosts use an agent.
    case keyFile(path: String, passphrase: String? = nil)
    /// A running ssh-agent; nil: the one that `SSH_AUTH_SOCK` names.
    case agent(socketPath: String? = nil)
}
