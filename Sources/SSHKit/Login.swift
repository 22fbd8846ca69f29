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
            throw SSHError.handshakeTimedOut(endpoint, options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.handshakeCutOff(endpoint)
        }
        guard result != 0 else { return }
        let session = try usable()
        if result == Int(LIBSSH2_ERROR_BANNER_RECV) { throw SSHError.notSSH(endpoint) }
        let isNegotiation = [
            LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE,
            LIBSSH2_ERROR_METHOD_NONE, LIBSSH2_ERROR_HOSTKEY_INIT,
        ].contains(Int32(clamping: result))
        if isNegotiation {
            let probe = HandshakeProbe(endpoint: endpoint, loop: loop)
            let reason = try await probe.explain(
                supported: session.supported, hostKeyType: hostKeyType)
            if let reason { throw reason }
        }
        throw SSHError.handshakeFailed(endpoint, session.lastMessage())
    }

    func hostKey() throws(SSHError) -> SSHHostKey { try usable().hostKey() }

    func check(_ expected: SSHHostKey) throws(SSHError) {
        let shown = try hostKey()
        guard shown.blob == expected.blob else {
            throw SSHError.hostKeyChanged(endpoint, shown: shown, expected: expected)
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
            throw SSHError.loginTimedOut(endpoint, options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.loginCutOff(endpoint)
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
            throw SSHError.noLoginByKey(endpoint, offered: methods)
        }
        return methods
    }

    private func logIn(
        with key: KeyFile, _ passphrase: String?, _ offered: String, _ deadline: Deadline
    ) async throws {
        guard !key.isEncrypted || passphrase?.isEmpty == false else {
            throw SSHError.passphraseMissing(key)
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
            throw SSHError.keyUnreadable(key, try usable().lastMessage())
        default:
            throw error(result, try usable(), .protocolViolated, "the login failed")
        }
    }

    private func logInWithAgent(
        _ socketPath: String?, _ offered: String, _ deadline: Deadline
    ) async throws {
        let loop = loop
        let (agent, identities) = try await AgentClient.open(socketPath: socketPath, loop: loop)
        defer { agent.close() }
        for identity in identities {
            if try await logIn(with: identity, of: agent, deadline) { return }
        }
        let tried = identities.map(\.summary)
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
        SSHError.loginRefused(
            endpoint, keys: keys, offered: offered,
            remedy: isRSA
                ? "libssh2 \(Session.version) signs with RSA keys by SHA-1, which hosts refuse "
                    + "since OpenSSH 8.8: use an ed25519 key." : nil)
    }
}

extension [UInt8] {
    /// The bytes with a NUL after them.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBytes { raw in
            raw.withMemoryRebound(to: CChar.self) { text in
                // There is at least the NUL.
                text.baseAddress.map(body) ?? body([0])
            }
        }
    }
}
