import CSSH2
import LoopKit
import Support

/// The handshake and the login.
extension SSHConnection {
    /// - Parameter hostKeyType: the only type of host key to accept; nil: any.
    func handshake(hostKeyType: String?, _ deadline: Deadline) async throws {
        try usable().prefer(hostKeyType: hostKeyType)
        let result: Int
        do {
            result = try await complete(deadline) { session in
                Int(libssh2_session_handshake(session.raw, session.transport.fd))
            }
        } catch is DeadlinePassed {
            throw SSHError(
                .timedOut,
                "\(endpoint.place) took the connection but did not finish the SSH handshake within "
                    + "\(options.connectTimeoutSeconds) s. Check that sshd listens on that port "
                    + "and that the host is not overloaded.")
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError(
                .connectionLost,
                "\(endpoint.place) closed the connection during the SSH handshake. Either no sshd "
                    + "listens there, or it turns this machine away for now (MaxStartups, "
                    + "fail2ban): its log on the host says which.")
        }
        guard result != 0 else { return }
        let session = try usable()
        if result == Int(LIBSSH2_ERROR_BANNER_RECV) {
            throw SSHError(
                .notSSH, "What listens at \(endpoint.place) does not speak SSH. Check the port.")
        }
        let isNegotiation = [
            LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE,
            LIBSSH2_ERROR_METHOD_NONE, LIBSSH2_ERROR_HOSTKEY_INIT,
        ].contains(Int32(clamping: result))
        if isNegotiation {
            let probe = HandshakeProbe(endpoint: endpoint, loop: loop)
            let reason = try await probe.explain(session: session, hostKeyType: hostKeyType)
            if let reason { throw reason }
        }
        throw SSHError(
            .protocolViolated,
            "The SSH handshake with \(endpoint.place) failed: \(session.lastMessage()).")
    }

    func hostKey() throws(SSHError) -> SSHHostKey { try usable().hostKey() }

    func check(_ expected: SSHHostKey) throws(SSHError) {
        let shown = try hostKey()
        guard shown.blob == expected.blob else {
            throw SSHError(
                .hostKeyChanged,
                "\(endpoint.place) shows the host key \(shown.type) \(shown.fingerprint), but is "
                    + "known here by \(expected.type) \(expected.fingerprint). If its host key was "
                    + "changed on purpose, compare the new one with `ssh-keygen -lf "
                    + "/etc/ssh/ssh_host_ed25519_key.pub` on the host itself and add the host "
                    + "again; if not, another machine answers in its place.")
        }
    }

    func authenticate(_ identity: SSHIdentity, _ deadline: Deadline) async throws {
        do {
            let offered = try await offeredMethods(deadline)
            switch identity {
            case .keyFile(let path, let passphrase):
                let key = try await KeyFile.read(
                    path, loop: loop, deadlineMilliseconds: deadline.milliseconds)
                try await logIn(with: key, passphrase, offered, deadline)
            case .agent(let socketPath):
                try await logInWithAgent(socketPath, offered, deadline)
            }
        } catch is DeadlinePassed {
            throw SSHError(
                .timedOut,
                "\(endpoint.place) did not finish the login of \(endpoint.user) within "
                    + "\(options.connectTimeoutSeconds) s.")
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError(
                .connectionLost,
                "\(endpoint.place) closed the connection during the login of \(endpoint.user): its "
                    + "sshd log says why.")
        }
    }

    /// The ways to log in that the host names for this user, as in `publickey,password`.
    private func offeredMethods(_ deadline: Deadline) async throws -> String {
        let user = endpoint.user
        var methods = ""
        let result = try await complete(deadline) { session in
            guard let list = libssh2_userauth_list(session.raw, user, UInt32(user.utf8.count))
            else { return Int(libssh2_session_last_errno(session.raw)) }
            methods = printable(String(cString: list))
            return 0
        }
        guard result == 0 else {
            throw error(result, try usable(), .protocolViolated, "no login is offered")
        }
        guard methods.split(separator: ",").contains("publickey") else {
            throw SSHError(
                .authenticationRefused,
                "\(endpoint.place) does not let \(endpoint.user) log in with a key; it offers "
                    + "\(methods.isEmpty ? "nothing" : methods). Allow it in the host's "
                    + "sshd_config (PubkeyAuthentication, AuthenticationMethods, AllowUsers).")
        }
        return methods
    }

    private func logIn(
        with key: KeyFile, _ passphrase: String?, _ offered: String, _ deadline: Deadline
    ) async throws {
        guard !key.isEncrypted || passphrase?.isEmpty == false else {
            throw SSHError(
                .keyFileUnusable,
                "The key file \(key.path) is protected by a passphrase, and none was given. Give "
                    + "it, use an agent, or take a key without one.")
        }
        let user = endpoint.user
        let result = try await complete(deadline) { session in
            // libssh2 reads on to a NUL byte, and a null passphrase would be read too.
            key.bytes.withCString { bytes in
                Int(
                    libssh2_userauth_publickey_frommemory(
                        session.raw, user, user.utf8.count, nil, 0, bytes, key.bytes.count,
                        passphrase ?? ""))
            }
        }
        switch Int32(clamping: result) {
        case 0: return
        case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
            throw refused(key.summary, isRSA: key.isRSA, offered)
        case LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_KEYFILE_AUTH_FAILED, LIBSSH2_ERROR_METHOD_NONE,
            LIBSSH2_ERROR_PROTO, LIBSSH2_ERROR_DECRYPT, LIBSSH2_ERROR_METHOD_NOT_SUPPORTED:
            throw SSHError(
                .keyFileUnusable,
                key.isEncrypted
                    ? "The passphrase given for the key file \(key.path) is wrong."
                    : "libssh2 cannot use the key file \(key.path): "
                        + "\(try usable().lastMessage()). Take an ed25519 key.")
        default:
            throw error(result, try usable(), .protocolViolated, "the login failed")
        }
    }

    private func logInWithAgent(
        _ socketPath: String?, _ offered: String, _ deadline: Deadline
    ) async throws {
        let loop = loop
        let agent = try await AgentClient(socketPath: socketPath, loop: loop)
        defer { agent.close() }
        let answerBy = Deadline(in: SSHLimits.agentMilliseconds)
        let identities: [AgentClient.Identity]
        do {
            identities = try await withDeadline(answerBy.milliseconds, loop: loop) {
                try await agent.identities()
            }
        } catch is DeadlinePassed {
            throw SSHError(.agentUnusable, "The ssh-agent at \(agent.path) does not answer.")
        }
        guard !identities.isEmpty else {
            throw SSHError(
                .agentUnusable,
                "The ssh-agent at \(agent.path) holds no key: add one with `ssh-add`.")
        }
        for identity in identities.prefix(SSHLimits.agentKeys) {
            if try await logIn(with: identity, of: agent, deadline) { return }
        }
        let tried = identities.prefix(SSHLimits.agentKeys).map { identity in
            (try? SSHHostKey(blob: identity.publicKey)).map { "\($0.type) \($0.fingerprint)" }
                ?? printable(identity.comment)
        }
        throw refused(
            "the keys of the ssh-agent (\(tried.joined(separator: ", ")))",
            isRSA: tried.allSatisfy { $0.hasPrefix("ssh-rsa") }, offered)
    }

    /// False: the host, or the agent, does not want this key.
    private func logIn(
        with identity: AgentClient.Identity, of agent: AgentClient, _ deadline: Deadline
    ) async throws -> Bool {
        let signature = PendingSignature()
        let user = endpoint.user
        while true {
            let session = try usable()
            let result = step(session) { session in
                Int32(signature.authenticate(session.raw, user, identity.publicKey))
            }
            switch result {
            case 0: return true
            case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
                return false
            case LIBSSH2_ERROR_EAGAIN:
                if let data = signature.takeRequest() {
                    // The owner of the key may be asked: that is not the host's time.
                    let answerBy = Deadline(in: SSHLimits.agentMilliseconds)
                    let answer = try await withDeadline(answerBy.milliseconds, loop: loop) {
                        try await agent.sign(data, with: identity)
                    }
                    signature.answer(answer)
                } else if try await !waitForSocket(.readable, deadline) {
                    throw DeadlinePassed()
                }
            default:
                throw error(Int(result), session, .protocolViolated, "the login failed")
            }
        }
    }

    private func refused(_ keys: String, isRSA: Bool, _ offered: String) -> SSHError {
        let remedy =
            isRSA
            ? "libssh2 \(Session.version) signs with RSA keys by SHA-1, which hosts refuse since "
                + "OpenSSH 8.8: use an ed25519 key."
            : "Check that its public half is in ~\(endpoint.user)/.ssh/authorized_keys on the host "
                + "and that the host lets \(endpoint.user) log in; its sshd log says more."
        return SSHError(
            .authenticationRefused,
            "\(endpoint.place) refused to let \(endpoint.user) log in with \(keys); it offers "
                + "\(offered). \(remedy)")
    }
}

extension [UInt8] {
    /// The bytes with a NUL after them.
    fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { text in
                // There is at least the NUL.
                text.baseAddress.map(body) ?? body([0])
            }
        }
    }
}
