import CSSH2
import Glibc
import LoopKit
import Support

final class LibSSH2Session: Driver {
    let raw: OpaquePointer
    let transport: Transport
    private let user: String
    private let loop: EventLoop

    private static let isInitialized = libssh2_init(0) == 0
    private static var version: String { libssh2_version(0).map { String(cString: $0) } ?? "?" }

    init(
        _ socket: consuming Descriptor, _ endpoint: SSHEndpoint, loop: EventLoop
    ) throws(SSHError) {
        let transport = Transport(fd: socket.raw)
        let abstract = Unmanaged.passUnretained(transport).toOpaque()
        guard Self.isInitialized, let raw = libssh2_session_init_ex(nil, nil, nil, abstract) else {
            throw SSHError(.protocolViolated, "libssh2 cannot start: no memory.")
        }
        self.raw = raw
        self.transport = transport
        self.loop = loop
        user = endpoint.user
        _ = socket.release()
        libssh2_session_set_blocking(raw, 0)
        aib_ssh_set_transport(
            raw,
            { _, buffer, length, _, abstract in
                guard let buffer, let transport = Transport.of(abstract) else { return -1 }
                return transport.send(buffer, length)
            },
            { _, buffer, length, _, abstract in
                guard let buffer, let transport = Transport.of(abstract) else { return -1 }
                return transport.receive(buffer, length)
            })
    }

    deinit {
        transport.isAbandoned = true
        libssh2_session_free(raw)
        loop.forget(fd: transport.fd)
        close(transport.fd)
    }

    var library: String { "libssh2 \(Self.version)" }
    var upgrade: String { ", or use libssh2 1.11 or newer here" }
    var rsaRemedy: String? {
        "\(library) signs with RSA keys by SHA-1, which hosts refuse since OpenSSH 8.8: use an "
            + "ed25519 key."
    }

    var fd: Int32 { transport.fd }
    var receivedBytes: UInt64 { transport.receivedBytes }
    var ending: SocketEnding? { transport.ending }
    var interest: Interest { .readable }
    var hasOutput: Bool { transport.hasOutput }

    func flush() -> Bool {
        transport.flush()
        return !transport.hasOutput
    }

    func prepare() { transport.renewBudget() }

    func disconnect() {
        libssh2_session_disconnect_ex(raw, SSH_DISCONNECT_BY_APPLICATION, "", "")
        transport.flush()
    }

    // MARK: The handshake

    func algorithms(_ kind: AlgorithmKind) -> [String] {
        var list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        let count = libssh2_session_supported_algs(raw, kind.methods[0], &list)
        guard count > 0, let list else { return [] }
        defer { libssh2_free(raw, list) }
        let names = (0..<Int(count)).compactMap { list[$0].map { String(cString: $0) } }
        return kind.preferred.filter(names.contains)
    }

    func prefer(_ names: [String], _ kind: AlgorithmKind) -> Bool {
        kind.methods.allSatisfy { method in
            libssh2_session_method_pref(raw, method, names.joined(separator: ",")) == 0
        }
    }

    func handshake() throws(DriverFailure) -> Step<Void> {
        try step(libssh2_session_handshake(raw, fd))
    }

    func hostKey() throws(SSHError) -> SSHHostKey {
        var length = 0
        var type: Int32 = 0
        guard let key = libssh2_session_hostkey(raw, &length, &type), length > 0 else {
            throw .noHostKey
        }
        return try SSHHostKey(blob: Array(UnsafeRawBufferPointer(start: key, count: length)))
    }

    // MARK: The login

    func offeredMethods() throws(DriverFailure) -> Step<String> {
        if let list = libssh2_userauth_list(raw, user, UInt32(user.utf8.count)) {
            return .done(printable(String(cString: list)))
        }
        let result = libssh2_session_last_errno(raw)
        guard result == LIBSSH2_ERROR_EAGAIN else { throw failure(Int(result)) }
        return .blocked
    }

    func logIn(with key: KeyFile, _ passphrase: String?) throws(DriverFailure) -> Step<Bool> {
        // libssh2 reads up to a NUL byte, and would also read a null passphrase.
        let result = key.bytes.withCString { bytes in
            libssh2_userauth_publickey_frommemory(
                raw, user, user.utf8.count, nil, 0, bytes, key.bytes.count, passphrase ?? "")
        }
        switch result {
        case LIBSSH2_ERROR_FILE, LIBSSH2_ERROR_KEYFILE_AUTH_FAILED, LIBSSH2_ERROR_METHOD_NONE,
            LIBSSH2_ERROR_PROTO, LIBSSH2_ERROR_DECRYPT, LIBSSH2_ERROR_METHOD_NOT_SUPPORTED:
            throw DriverFailure(kind: .key, cause: lastCause())
        default: return try loginStep(result)
        }
    }

    func logIn(
        with identities: [AgentClient.Identity], of agent: AgentClient,
        on connection: isolated SSHConnection, _ deadline: Deadline
    ) async throws -> Bool {
        for identity in identities {
            if try await logIn(with: identity, of: agent, on: connection, deadline) { return true }
        }
        return false
    }

    private func logIn(
        with identity: AgentClient.Identity, of agent: AgentClient,
        on connection: isolated SSHConnection, _ deadline: Deadline
    ) async throws -> Bool {
        let signature = PendingSignature()
        while true {
            let step = try connection.step(try connection.usable()) { _ in
                try loginStep(signature.authenticate(raw, user, identity.publicKey))
            }
            if case .done(let isAccepted) = step { return isAccepted }
            if let data = signature.takeRequest() {
                // The user of the agent may be prompted; that does not count as the host's time.
                let answerBy = Deadline(in: SSHLimits.agentMilliseconds)
                let answer = try await withDeadline(answerBy, loop: loop) {
                    try await agent.sign(data, with: identity)
                }
                signature.answer(answer)
            } else if try await !connection.waitForSocket(.readable, deadline) {
                throw DeadlinePassed()
            }
        }
    }

    private func loginStep(_ result: Int32) throws(DriverFailure) -> Step<Bool> {
        switch result {
        case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED: .done(false)
        case 0: .done(true)
        case LIBSSH2_ERROR_EAGAIN: .blocked
        default: throw failure(Int(result))
        }
    }

    // MARK: Channels and results

    func openChannel(windowBytes: Int) throws(DriverFailure) -> Step<any DriverChannel> {
        let opened = libssh2_channel_open_ex(
            raw, "session", 7, UInt32(SSHLimits.firstWindowBytes),
            UInt32(LIBSSH2_CHANNEL_PACKET_DEFAULT), nil, 0)
        if let opened {
            return .done(LibSSH2Channel(opened, on: self, windowBytes: windowBytes))
        }
        let result = libssh2_session_last_errno(raw)
        guard result == LIBSSH2_ERROR_EAGAIN else { throw failure(Int(result)) }
        return .blocked
    }

    /// The meaning of a result that is not a count.
    func step(_ result: Int32) throws(DriverFailure) -> Step<Void> {
        switch result {
        case 0: .done(())
        case LIBSSH2_ERROR_EAGAIN: .blocked
        default: throw failure(Int(result))
        }
    }

    func failure(_ result: Int) -> DriverFailure {
        let kind: DriverFailure.Kind =
            switch Int32(clamping: result) {
            case LIBSSH2_ERROR_CHANNEL_PACKET_EXCEEDED...LIBSSH2_ERROR_CHANNEL_OUTOFORDER,
                LIBSSH2_ERROR_CHANNEL_CLOSED, LIBSSH2_ERROR_CHANNEL_EOF_SENT,
                LIBSSH2_ERROR_CHANNEL_WINDOW_FULL, LIBSSH2_ERROR_REQUEST_DENIED:
                .channel
            case LIBSSH2_ERROR_SOCKET_DISCONNECT: .disconnected
            case LIBSSH2_ERROR_BANNER_RECV: .notSSH
            case LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE,
                LIBSSH2_ERROR_METHOD_NONE, LIBSSH2_ERROR_HOSTKEY_INIT:
                .negotiation
            default: .session
            }
        return DriverFailure(kind: kind, cause: cause(of: Int32(clamping: result)))
    }

    private func lastCause() -> LibraryError { cause(of: libssh2_session_last_errno(raw)) }

    /// libssh2 keeps the message of the last error for which it had one: often "would block" of an
    /// earlier call, which says nothing of this result.
    private func cause(of result: Int32) -> LibraryError {
        var message: UnsafeMutablePointer<CChar>?
        let code = libssh2_session_last_error(raw, &message, nil, 0)
        let words =
            code == result ? message.map { printable(String(cString: $0)) } : Self.words[result]
        return LibraryError(library, code: result, words ?? "no message")
    }

    /// The results that come without a message.
    private static let words: [Int32: String] = [
        LIBSSH2_ERROR_SOCKET_DISCONNECT: "the connection was closed",
        LIBSSH2_ERROR_SOCKET_SEND: "the connection cannot be written",
        LIBSSH2_ERROR_SOCKET_RECV: "the connection cannot be read",
        LIBSSH2_ERROR_TIMEOUT: "the host did not answer in time",
        LIBSSH2_ERROR_PROTO: "the host broke the protocol",
        LIBSSH2_ERROR_DECRYPT: "a packet cannot be decrypted",
        LIBSSH2_ERROR_INVALID_MAC: "a packet was changed on its way",
        LIBSSH2_ERROR_ALLOC: "out of memory",
        LIBSSH2_ERROR_CHANNEL_FAILURE: "the host refused a channel",
        LIBSSH2_ERROR_CHANNEL_CLOSED: "the channel was closed",
        LIBSSH2_ERROR_CHANNEL_EOF_SENT: "the channel has ended",
        LIBSSH2_ERROR_CHANNEL_UNKNOWN: "the host named an unknown channel",
        LIBSSH2_ERROR_EAGAIN: "the host did not answer in time",
    ]
}

extension AlgorithmKind {
    /// libssh2's numbers; cipher and MAC are negotiated for each direction, here with the same
    /// value.
    fileprivate var methods: [Int32] {
        switch self {
        case .keyExchange: [LIBSSH2_METHOD_KEX]
        case .hostKey: [LIBSSH2_METHOD_HOSTKEY]
        case .cipher: [LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC]
        case .mac: [LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC]
        }
    }
}

extension Transport {
    fileprivate static func of(
        _ abstract: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Transport? {
        guard let pointer = abstract?.pointee else { return nil }
        return Unmanaged<Transport>.fromOpaque(pointer).takeUnretainedValue()
    }
}
