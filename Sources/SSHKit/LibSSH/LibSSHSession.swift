import CLinux
import CSSH
import Glibc
import LoopKit
import Support

final class LibSSHSession: Driver {
    let raw: ssh_session
    /// A duplicate of the socket's descriptor, to wait on: libssh closes its own when the session
    /// breaks, and its number may be reused at once.
    let fd: Int32
    private let traffic: UnsafeMutablePointer<ssh_counter_struct>
    private let loop: EventLoop
    /// A call in progress, which must continue when it is repeated.
    private var opening: LibSSHChannel?
    private var loginKey: ssh_key?
    /// Kept until `ssh_free`, which uses their callbacks.
    var channels: [ssh_channel: LibSSHChannel] = [:]

    init(
        _ socket: consuming Descriptor, _ endpoint: SSHEndpoint, loop: EventLoop
    ) throws(SSHError) {
        let fd = fcntl(socket.raw, F_DUPFD_CLOEXEC, 3)
        guard fd >= 0, let raw = ssh_new() else {
            if fd >= 0 { Glibc.close(fd) }
            throw SSHError(.protocolViolated, "libssh cannot start: no memory or no descriptor.")
        }
        self.raw = raw
        self.fd = fd
        self.loop = loop
        traffic = .allocate(capacity: 1)
        traffic.initialize(to: ssh_counter_struct())
        ssh_set_blocking(raw, 0)
        ssh_set_counters(raw, traffic, nil)
        try isolateFromFiles(endpoint)
        // From here on libssh closes it.
        var number = socket.release()
        ssh_options_set(raw, SSH_OPTIONS_FD, &number)
    }

    deinit {
        loop.forget(fd: fd)
        ssh_key_free(loginKey)
        // No `ssh_disconnect` before: it drops the given socket without closing it, but closes it
        // if sending the disconnect message fails.
        ssh_free(raw)
        traffic.deallocate()
        Glibc.close(fd)
    }

    var library: String { "libssh \(ssh_version(0).map { String(cString: $0) } ?? "?")" }
    var upgrade: String { "" }
    var rsaRemedy: String? { nil }

    var receivedBytes: UInt64 { traffic.pointee.in_bytes }
    /// libssh reports the end of the connection as a failure, after the data that arrived before.
    var ending: SocketEnding? { nil }
    var interest: Interest {
        ssh_get_poll_flags(raw) & SSH_WRITE_PENDING != 0 ? [.readable, .writable] : .readable
    }

    /// libssh buffers what the socket does not accept, and each call continues to send it.
    var hasOutput: Bool { false }
    func flush() -> Bool { ssh_blocking_flush(raw, 0) != SSH_AGAIN }
    func prepare() {}
    /// The end of the connection tells the host the same.
    func disconnect() {}

    // MARK: The handshake

    /// The ssh_config and known_hosts files of the user and the system are ignored.
    private func isolateFromFiles(_ endpoint: SSHEndpoint) throws(SSHError) {
        var no: Int32 = 0
        ssh_options_set(raw, SSH_OPTIONS_PROCESS_CONFIG, &no)
        let texts = [
            (SSH_OPTIONS_SSH_DIR, "/nonexistent"), (SSH_OPTIONS_KNOWNHOSTS, "/dev/null"),
            (SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"), (SSH_OPTIONS_HOST, endpoint.host),
            (SSH_OPTIONS_USER, endpoint.user), (SSH_OPTIONS_COMPRESSION, "no"),
        ]
        for (option, text) in texts where ssh_options_set(raw, option, text) != 0 {
            throw SSHError(
                .protocolViolated, "libssh rejects '\(printable(text))'.", cause: lastCause())
        }
    }

    /// AES-GCM first: it needs no separate MAC and costs both ends the least. This libssh has
    /// "strict kex", but chacha20 would gain nothing: a host with nothing else cannot be used with
    /// libssh2.
    func algorithms(_ kind: AlgorithmKind) -> [String] {
        guard kind == .cipher else { return kind.preferred }
        let isGCM = { (name: String) in name.hasSuffix("gcm@openssh.com") }
        return kind.preferred.filter(isGCM) + kind.preferred.filter { !isGCM($0) }
    }

    func prefer(_ names: [String], _ kind: AlgorithmKind) -> Bool {
        kind.options.allSatisfy { option in
            ssh_options_set(raw, option, names.joined(separator: ",")) == 0
        }
    }

    func handshake() throws(DriverFailure) -> Step<Void> {
        let step = try step(ssh_connect(raw))
        // libssh makes the socket a blocking one, and one that the host no longer reads would then
        // block the loop. It polls before each call, so it never encounters EAGAIN.
        if case .done = step { _ = aib_set_nonblocking(fd) }
        return step
    }

    func hostKey() throws(SSHError) -> SSHHostKey {
        var key: ssh_key?
        var text: UnsafeMutablePointer<CChar>?
        defer {
            ssh_key_free(key)
            ssh_string_free_char(text)
        }
        guard ssh_get_server_publickey(raw, &key) == SSH_OK, let key,
            ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text,
            let type = ssh_key_type_to_char(ssh_key_type(key))
        else { throw .noHostKey }
        let name = ssh_pki_key_ecdsa_name(key).map { String(cString: $0) } ?? ""
        let isECDSA = name.hasPrefix("ecdsa-")
        return try SSHHostKey(
            (isECDSA ? name : String(cString: type)) + " " + String(cString: text))
    }

    // MARK: The login

    func offeredMethods() throws(DriverFailure) -> Step<String> {
        guard case .done = try loginStep(ssh_userauth_none(raw, nil)) else { return .blocked }
        let offered = ssh_userauth_list(raw, nil)
        let names = [
            (SSH_AUTH_METHOD_PUBLICKEY, "publickey"), (SSH_AUTH_METHOD_PASSWORD, "password"),
            (SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"),
            (SSH_AUTH_METHOD_HOSTBASED, "hostbased"), (SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi"),
        ].filter { offered & Int32($0.0) != 0 }
        return .done(names.map(\.1).joined(separator: ","))
    }

    func logIn(with file: KeyFile, _ passphrase: String?) throws(DriverFailure) -> Step<Bool> {
        if loginKey == nil {
            let code = file.bytes.withCString { text in
                ssh_pki_import_privkey_base64(text, passphrase, nil, nil, &loginKey)
            }
            guard code == SSH_OK else {
                throw DriverFailure(
                    kind: .key, cause: LibraryError(library, code: code, "cannot read the key"))
            }
        }
        return try loginStep(ssh_userauth_publickey(raw, nil, loginKey))
    }

    /// libssh talks to an agent by blocking calls, which last as long as the agent prompts its
    /// user: they run on a separate thread, which ends when both sockets are shut down.
    func logIn(
        with identities: [AgentClient.Identity], of agent: AgentClient,
        on connection: isolated SSHConnection, _ deadline: Deadline
    ) async throws -> Bool {
        let number = aib_unix_connect(agent.path)
        guard number >= 0 else {
            throw SSHError(
                .agentUnusable, "Lost the ssh-agent at \(agent.path).",
                cause: SystemError(errno: -number, "cannot connect"))
        }
        let socket = Descriptor(owning: number)
        // libssh closes this one.
        ssh_set_agent_socket(raw, fcntl(socket.raw, F_DUPFD_CLOEXEC, 3))
        // Until the thread has ended, nothing else uses the session. If it is not awaited, nothing
        // ever does, and it is freed there.
        nonisolated(unsafe) let lent = self
        let result: Int32?
        do {
            result = try await BlockingThreads.run(
                loop: loop,
                // The user of the agent may be prompted; that does not count as the host's time.
                deadlineMilliseconds: deadline.milliseconds + SSHLimits.agentMilliseconds
            ) {
                ssh_set_blocking(lent.raw, 1)
                defer { ssh_set_blocking(lent.raw, 0) }
                return ssh_userauth_agent(lent.raw, nil)
            }
            if result == nil { throw DeadlinePassed() }
        } catch {
            for number in [fd, socket.raw] { shutdown(number, Int32(SHUT_RDWR)) }
            throw error
        }
        guard result != SSH_AUTH_ERROR.rawValue else { throw failure() }
        return result == SSH_AUTH_SUCCESS.rawValue
    }

    private func loginStep(_ result: Int32) throws(DriverFailure) -> Step<Bool> {
        switch result {
        case SSH_AUTH_AGAIN.rawValue: .blocked
        case SSH_AUTH_ERROR.rawValue: throw failure()
        default: .done(result == SSH_AUTH_SUCCESS.rawValue)
        }
    }

    // MARK: Channels and results

    func openChannel(windowBytes: Int) throws(DriverFailure) -> Step<any DriverChannel> {
        if opening == nil, let new = ssh_channel_new(raw) {
            opening = LibSSHChannel(new, on: self, windowBytes: windowBytes)
            channels[new] = opening
        }
        guard let channel = opening else {
            throw DriverFailure(kind: .channel, cause: lastCause())
        }
        let result = ssh_channel_open_session(channel.raw)
        if result == SSH_AGAIN { return .blocked }
        opening = nil
        if result == SSH_OK { return .done(channel) }
        let failure = failure()
        channel.free()
        throw failure
    }

    /// The meaning of a result that is not a count.
    func step(_ result: Int32) throws(DriverFailure) -> Step<Void> {
        switch result {
        case SSH_OK: .done(())
        case SSH_AGAIN: .blocked
        default: throw failure()
        }
    }

    func failure() -> DriverFailure {
        let cause = lastCause()
        let words = "\(cause)"
        let kind: DriverFailure.Kind =
            // A request that was denied, or one of our own that is impossible.
            if ssh_get_error_code(UnsafeMutableRawPointer(raw)) == SSH_REQUEST_DENIED.rawValue {
                .channel
            } else if words.contains("banner") || words.contains("rotocol mismatch") {
                .notSSH
            } else if words.contains("Socket error") || words.contains("isconnect") {
                .disconnected
            } else if words.contains("kex error") || words.contains("no match for method") {
                .negotiation
            } else {
                .session
            }
        return DriverFailure(kind: kind, cause: cause)
    }

    private func lastCause() -> LibraryError {
        let session = UnsafeMutableRawPointer(raw)
        let words = ssh_get_error(session).map { String(cString: $0) } ?? ""
        return LibraryError(library, code: ssh_get_error_code(session), printable(words))
    }
}

extension AlgorithmKind {
    /// libssh's numbers; cipher and MAC are negotiated for each direction, here with the same
    /// value.
    fileprivate var options: [ssh_options_e] {
        switch self {
        case .keyExchange: [SSH_OPTIONS_KEY_EXCHANGE]
        case .hostKey: [SSH_OPTIONS_HOSTKEYS]
        case .cipher: [SSH_OPTIONS_CIPHERS_C_S, SSH_OPTIONS_CIPHERS_S_C]
        case .mac: [SSH_OPTIONS_HMAC_C_S, SSH_OPTIONS_HMAC_S_C]
        }
    }
}
