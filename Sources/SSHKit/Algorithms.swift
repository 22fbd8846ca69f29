/// The algorithms that are negotiated at the start of a session, and our preferences.
enum AlgorithmKind: String, CaseIterable {
    case keyExchange = "key exchange"
    case hostKey = "host key"
    case cipher
    case mac = "MAC"

    /// Best first. No SHA-1, no CBC; the fastest safe one is first: for libssh2 aes128-ctr with
    /// hmac-sha2-256, by measurement. chacha20 is left out: it is safe only with "strict kex",
    /// which older libssh2 lacks.
    var preferred: [String] {
        switch self {
        case .keyExchange:
            [
                "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
                "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group16-sha512",
                "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256",
                "diffie-hellman-group-exchange-sha256",
            ]
        case .hostKey:
            [
                "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                "rsa-sha2-512", "rsa-sha2-256",
            ]
        case .cipher:
            [
                "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-gcm@openssh.com",
                "aes256-gcm@openssh.com",
            ]
        case .mac:
            [
                "hmac-sha2-256", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512",
                "hmac-sha2-512-etm@openssh.com",
            ]
        }
    }

    /// What an administrator of the host can do if the ends have no common algorithm of this kind.
    var remedy: String {
        switch self {
        case .keyExchange:
            "Allow curve25519-sha256 in KexAlgorithms of the host's sshd_config"
        case .hostKey:
            "Give the host an ed25519 or ECDSA host key (`ssh-keygen -A`, and a HostKey line in "
                + "its sshd_config)"
        case .cipher:
            "Allow aes128-ctr in Ciphers of the host's sshd_config"
        case .mac:
            "Allow hmac-sha2-256 in MACs of the host's sshd_config"
        }
    }

    /// The algorithm names under which a key of `type` is negotiated as host key.
    static func hostKeyNames(ofType type: String) -> [String] {
        type == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type]
    }
}
