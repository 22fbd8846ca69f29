/// The line of `authorized_keys` by which a host lets a coordinator in, and only to the gate.
struct GateKey {
    /// `ssh-ed25519 AAAA…`; `nil` if only the private half is at hand.
    let publicKey: String?

    var line: String {
        "restrict,command=\"aibuild-agent gate --config /etc/aibuild/agent.yml\" "
            + (publicKey ?? "KEY")
    }

    /// What to do on a host that runs something else for the key.
    func remedy(user: String) -> String {
        "This must be the line of the coordinator's key in ~\(user)/.ssh/authorized_keys there"
            + (publicKey == nil ? " (KEY is the text of the key's .pub file)" : "")
            + ", with the path of the agent's configuration: \(line)"
    }
}
