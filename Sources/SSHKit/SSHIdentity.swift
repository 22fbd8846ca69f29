/// The credentials of a login. Passwords are not supported: sshd can restrict a key to a command,
/// but not a password.
public enum SSHIdentity: Sendable {
    /// A private key file. A passphrase blocks the loop for 100 ms and more at each login (its key
    /// derivation is slow on purpose): use an agent for many hosts.
    case keyFile(path: String, passphrase: String? = nil)
    /// A running ssh-agent; nil: the one that `SSH_AUTH_SOCK` names.
    case agent(socketPath: String? = nil)
}
