import Support

/// The errors of a connection.
extension SSHError {
    static func handshakeTimedOut(_ endpoint: SSHEndpoint, _ options: SSHOptions) -> SSHError {
        SSHError(
            .timedOut,
            "\(endpoint.place) took the connection but did not finish the SSH handshake within "
                + "\(options.connectTimeoutSeconds) s. Check that sshd listens on that port "
                + "and that the host is not overloaded.")
    }

    static func handshakeCutOff(_ endpoint: SSHEndpoint) -> SSHError {
        SSHError(
            .connectionLost,
            "\(endpoint.place) closed the connection during the SSH handshake. Either no sshd "
                + "listens there, or it turns this machine away for now (MaxStartups, "
                + "fail2ban): its log on the host says which.")
    }

    static func notSSH(_ endpoint: SSHEndpoint) -> SSHError {
        SSHError(
            .notSSH, "What listens at \(endpoint.place) does not speak SSH. Check the port.")
    }

    static func handshakeFailed(_ endpoint: SSHEndpoint, _ cause: LibraryError) -> SSHError {
        SSHError(
            .protocolViolated, "The SSH handshake with \(endpoint.place) failed.", cause: cause)
    }

    static var noHostKey: SSHError {
        SSHError(.protocolViolated, "The host showed no host key.")
    }

    static func hostKeyChanged(
        _ endpoint: SSHEndpoint, shown: SSHHostKey, expected: SSHHostKey
    ) -> SSHError {
        SSHError(
            .hostKeyChanged,
            "\(endpoint.place) shows the host key \(shown.type) \(shown.fingerprint), but is "
                + "known here by \(expected.type) \(expected.fingerprint). If its host key was "
                + "changed on purpose, compare the new one with `ssh-keygen -lf "
                + "/etc/ssh/ssh_host_ed25519_key.pub` on the host itself, and replace the "
                + "known one. If not, another machine answers in its place.")
    }

    static func loginTimedOut(_ endpoint: SSHEndpoint, _ options: SSHOptions) -> SSHError {
        SSHError(
            .timedOut,
            "\(endpoint.place) did not finish the login of \(endpoint.user) within "
                + "\(options.connectTimeoutSeconds) s.")
    }

    static func loginCutOff(_ endpoint: SSHEndpoint) -> SSHError {
        SSHError(
            .connectionLost,
            "\(endpoint.place) closed the connection during the login of \(endpoint.user): its "
                + "sshd log says why.")
    }

    static func noLoginByKey(_ endpoint: SSHEndpoint, offered: String) -> SSHError {
        SSHError(
            .authenticationRefused,
            "\(endpoint.place) does not let \(endpoint.user) log in with a key; it offers "
                + "\(offered.isEmpty ? "nothing" : offered). Allow it in the host's "
                + "sshd_config (PubkeyAuthentication, AuthenticationMethods, AllowUsers).")
    }

    static func passphraseMissing(_ key: KeyFile) -> SSHError {
        SSHError(
            .keyFileUnusable,
            "The key file \(key.path) is protected by a passphrase, and none was given. Give "
                + "it, use an agent, or use a key without one.")
    }

    static func keyUnreadable(_ key: KeyFile, _ cause: LibraryError) -> SSHError {
        // The libraries report nothing useful about an encrypted key.
        key.isEncrypted
            ? SSHError(
                .keyFileUnusable, "The passphrase given for the key file \(key.path) is wrong.")
            : SSHError(
                .keyFileUnusable,
                "The key file \(key.path) cannot be used. Use an ed25519 key.", cause: cause)
    }

    /// - Parameter remedy: nil: the usual one.
    static func loginRefused(
        _ endpoint: SSHEndpoint, keys: String, offered: String, remedy: String? = nil
    ) -> SSHError {
        let usual =
            "Check that its public half is in ~\(endpoint.user)/.ssh/authorized_keys on the host "
            + "and that the host lets \(endpoint.user) log in; its sshd log says more."
        return SSHError(
            .authenticationRefused,
            "\(endpoint.place) refused to let \(endpoint.user) log in with \(keys); it offers "
                + "\(offered). \(remedy ?? usual)")
    }

    static func noChannel(_ endpoint: SSHEndpoint, _ options: SSHOptions) -> SSHError {
        SSHError(
            .timedOut,
            "\(endpoint.place) did not open a channel within \(options.connectTimeoutSeconds) s.")
    }

    static func silent(_ endpoint: SSHEndpoint, seconds: Int) -> SSHError {
        SSHError(
            .connectionLost,
            "\(endpoint.place) has not answered for \(seconds) s: the host or the network to it "
                + "is down.")
    }

    /// - Parameter cause: nil: the host closed it.
    static func connectionLost(_ endpoint: SSHEndpoint, cause: (any Error)?) -> SSHError {
        SSHError(
            .connectionLost,
            "The connection to \(endpoint.place) was lost"
                + (cause == nil ? ": the host closed it." : "."), cause: cause)
    }

    static func connectionLost(_ endpoint: SSHEndpoint, _ ending: SocketEnding) -> SSHError {
        switch ending {
        case .endOfStream: .connectionLost(endpoint, cause: nil)
        case .failed(let errno):
            .connectionLost(endpoint, cause: SystemError(errno: errno, "cannot use the socket"))
        }
    }

    static func sessionBroken(
        _ endpoint: SSHEndpoint, _ what: String, _ cause: LibraryError
    ) -> SSHError {
        SSHError(
            .protocolViolated, "The SSH session with \(endpoint.place) broke: \(what).",
            cause: cause)
    }

    static func closed(_ endpoint: SSHEndpoint) -> SSHError {
        SSHError(.closed, "The connection to \(endpoint.place) was closed.")
    }
}
