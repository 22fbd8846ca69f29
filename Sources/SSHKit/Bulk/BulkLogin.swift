import CLinux
import CSSH
import Glibc
import LoopKit
import Support

/// The handshake and the login of a bulk session.
extension BulkSession {
    func handshake(_ expected: SSHHostKey, _ deadline: Deadline) async throws {
        do {
            let result = try await complete(deadline) { link in ssh_connect(link.raw) }
            let link = try usable()
            guard result == SSH_OK else {
                throw try await handshakeFault(link.lastMessage(), expected.type)
            }
            link.keepFromBlocking()
            let shown = try shownHostKey(link)
            guard shown.blob == expected.blob else {
                throw SSHError.hostKeyChanged(endpoint, shown: shown, expected: expected)
            }
        } catch is DeadlinePassed {
            throw SSHError.handshakeTimedOut(endpoint, options)
        }
    }

    private func handshakeFault(_ words: String, _ hostKeyType: String) async throws -> SSHError {
        if words.contains("kex error") || words.contains("no match for method") {
            let probe = HandshakeProbe(
                endpoint: endpoint, loop: loop, library: "libssh \(BulkLink.version)", upgrade: "")
            let reason = try await probe.explain(
                supported: AlgorithmKind.preferredInBulk, hostKeyType: hostKeyType)
            if let reason { return reason }
        }
        if words.contains("banner") || words.contains("rotocol mismatch") {
            return .notSSH(endpoint)
        }
        if words.contains("Socket error") || words.contains("isconnect") {
            return .handshakeCutOff(endpoint)
        }
        return .handshakeFailed(endpoint, words)
    }

    /// The key that the host proved to own in the handshake.
    private func shownHostKey(_ link: BulkLink) throws(SSHError) -> SSHHostKey {
        var key: ssh_key?
        var text: UnsafeMutablePointer<CChar>?
        defer {
            ssh_key_free(key)
            ssh_string_free_char(text)
        }
        guard ssh_get_server_publickey(link.raw, &key) == SSH_OK, let key,
            ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text,
            let type = ssh_key_type_to_char(ssh_key_type(key))
        else { throw SSHError(.protocolViolated, "The host showed no host key.") }
        let name = ssh_pki_key_ecdsa_name(key).map { String(cString: $0) } ?? ""
        let isECDSA = name.hasPrefix("ecdsa-")
        return try SSHHostKey(
            (isECDSA ? name : String(cString: type)) + " " + String(cString: text))
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
                try await logInWithAgent(socketPath, offered)
            }
        } catch is DeadlinePassed {
            throw SSHError.loginTimedOut(endpoint, options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.loginCutOff(endpoint)
        }
    }

    /// A login call's answer, with its "again" turned into that of the other calls.
    private func login(_ deadline: Deadline, _ call: (BulkLink) -> Int32) async throws -> Int32 {
        let result = try await complete(deadline) { link in
            let answer = call(link)
            return answer == SSH_AUTH_AGAIN.rawValue ? SSH_AGAIN : answer
        }
        guard result != SSH_AUTH_ERROR.rawValue else {
            throw error(.protocolViolated, "the login failed")
        }
        return result
    }

    /// The ways to log in that the host names for this user, as in `publickey,password`.
    private func offeredMethods(_ deadline: Deadline) async throws -> String {
        _ = try await login(deadline) { link in ssh_userauth_none(link.raw, nil) }
        let offered = ssh_userauth_list(try usable().raw, nil)
        let names = [
            (SSH_AUTH_METHOD_PUBLICKEY, "publickey"), (SSH_AUTH_METHOD_PASSWORD, "password"),
            (SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"),
            (SSH_AUTH_METHOD_HOSTBASED, "hostbased"), (SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi"),
        ].filter { offered & Int32($0.0) != 0 }.map(\.1).joined(separator: ",")
        guard offered & Int32(SSH_AUTH_METHOD_PUBLICKEY) != 0 else {
            throw SSHError.noLoginByKey(endpoint, offered: names)
        }
        return names
    }

    private func logIn(
        with file: KeyFile, _ passphrase: String?, _ offered: String, _ deadline: Deadline
    ) async throws {
        guard !file.isEncrypted || passphrase?.isEmpty == false else {
            throw SSHError.passphraseMissing(file)
        }
        var key: ssh_key?
        defer { ssh_key_free(key) }
        let code = file.bytes.withCString { text in
            ssh_pki_import_privkey_base64(text, passphrase, nil, nil, &key)
        }
        guard code == SSH_OK, let key else {
            throw SSHError.keyUnreadable(file, "libssh \(BulkLink.version) cannot read it")
        }
        let result = try await login(deadline) { link in
            ssh_userauth_publickey(link.raw, nil, key)
        }
        guard result == SSH_AUTH_SUCCESS.rawValue else {
            throw SSHError.loginRefused(endpoint, keys: file.summary, offered: offered)
        }
    }

    /// libssh talks to an agent by calls that block, for as long as the agent asks its owner for a
    /// confirmation: on a thread of their own, which ends when both sockets are shut down.
    private func logInWithAgent(_ socketPath: String?, _ offered: String) async throws {
        let (agent, identities) = try await AgentClient.open(socketPath: socketPath, loop: loop)
        agent.close()
        let number = aib_unix_connect(agent.path)
        guard number >= 0 else {
            throw SSHError(.agentUnusable, "The ssh-agent at \(agent.path) is gone.")
        }
        let socket = Descriptor(owning: number)
        let link = try usable()
        // libssh closes this one.
        ssh_set_agent_socket(link.raw, fcntl(socket.raw, F_DUPFD_CLOEXEC, 3))
        // The owner of the key may be asked: that is not the host's time.
        let seconds = options.connectTimeoutSeconds + Int(SSHLimits.agentMilliseconds / 1000)
        // Until the thread is done, nobody else touches the session; if it is not waited for, then
        // nobody ever does, and it is freed there.
        nonisolated(unsafe) let lent = link
        let result: Int32?
        do {
            result = try await BlockingThreads.run(
                loop: loop, deadlineMilliseconds: Deadline(seconds: seconds).milliseconds
            ) {
                ssh_set_blocking(lent.raw, 1)
                defer { ssh_set_blocking(lent.raw, 0) }
                return ssh_userauth_agent(lent.raw, nil)
            }
            if result == nil { throw DeadlinePassed() }
        } catch {
            for fd in [link.fd, socket.raw] { shutdown(fd, Int32(SHUT_RDWR)) }
            throw error
        }
        switch result {
        case SSH_AUTH_SUCCESS.rawValue: return
        case SSH_AUTH_ERROR.rawValue: throw error(.protocolViolated, "the login failed")
        default:
            let tried = identities.map(\.summary).joined(separator: ", ")
            throw SSHError.loginRefused(
                endpoint, keys: "the keys of the ssh-agent (\(tried))", offered: offered)
        }
    }
}
