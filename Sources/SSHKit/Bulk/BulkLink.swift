import CLinux
import CSSH
import Glibc
import LoopKit
import Support

/// One session of libssh with its socket and the command that runs in it, freed together. Only the
/// loop's thread touches it, but for a login by an agent (see `BulkSession.logInWithAgent`) and the
/// last release, when nobody else can.
final class BulkLink {
    let raw: ssh_session
    /// A second number for the socket, to wait on: libssh closes its own when the session breaks,
    /// and that number may at once be that of another socket.
    let fd: Int32
    var command: BulkCommand?
    private let traffic: UnsafeMutablePointer<ssh_counter_struct>
    private let loop: EventLoop

    static var version: String { ssh_version(0).map { String(cString: $0) } ?? "?" }

    /// - Parameter hostKeyType: the only type of host key to accept.
    init(
        _ socket: consuming Descriptor, _ endpoint: SSHEndpoint, hostKeyType: String,
        loop: EventLoop
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
        try prefer(hostKeyType)
        // From here on libssh closes it.
        var number = socket.release()
        ssh_options_set(raw, SSH_OPTIONS_FD, &number)
    }

    deinit {
        loop.forget(fd: fd)
        ssh_disconnect(raw)
        ssh_free(raw)
        command?.free()
        traffic.deallocate()
        Glibc.close(fd)
    }

    /// Bytes taken off the socket so far.
    var receivedBytes: UInt64 { traffic.pointee.in_bytes }

    /// What libssh says about its last failure.
    func lastMessage() -> String {
        let words = ssh_get_error(UnsafeMutableRawPointer(raw)).map { String(cString: $0) } ?? ""
        return "\(printable(words)) (libssh \(Self.version))"
    }

    /// Whether the last failure is one of the command only.
    var isDenial: Bool {
        ssh_get_error_code(UnsafeMutableRawPointer(raw)) == Int32(SSH_REQUEST_DENIED.rawValue)
    }

    /// libssh makes the socket a blocking one, and one that a host no longer reads would then hold
    /// up the loop. It asks poll before each call, so that it never meets EAGAIN.
    func keepFromBlocking() { _ = aib_set_nonblocking(fd) }

    /// Waits for the socket after libssh could not go on. False: the deadline passed.
    func wait(
        _ deadline: Deadline?, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Bool {
        let hasOutput = ssh_get_poll_flags(raw) & SSH_WRITE_PENDING != 0
        return try await loop.wait(
            fd: fd, for: hasOutput ? [.readable, .writable] : .readable,
            deadlineMilliseconds: deadline?.milliseconds)
    }

    /// Nothing that stands in the user's or the system's ssh_config or known_hosts counts here.
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
                .protocolViolated, "libssh does not take '\(printable(text))': \(lastMessage()).")
        }
    }

    private func prefer(_ hostKeyType: String) throws(SSHError) {
        for kind in AlgorithmKind.allCases {
            let names =
                kind == .hostKey
                ? AlgorithmKind.hostKeyNames(ofType: hostKeyType) : kind.preferredInBulk
            for option in kind.bulkOptions
            where ssh_options_set(raw, option, names.joined(separator: ",")) != 0 {
                throw SSHError(
                    .noCommonAlgorithm,
                    "libssh \(Self.version) on this machine can do no \(kind.rawValue) of "
                        + "\(names.joined(separator: ", ")). \(kind.remedy).")
            }
        }
    }
}

extension AlgorithmKind {
    /// libssh's numbers.
    fileprivate var bulkOptions: [ssh_options_e] {
        switch self {
        case .keyExchange: [SSH_OPTIONS_KEY_EXCHANGE]
        case .hostKey: [SSH_OPTIONS_HOSTKEYS]
        case .cipher: [SSH_OPTIONS_CIPHERS_C_S, SSH_OPTIONS_CIPHERS_S_C]
        case .mac: [SSH_OPTIONS_HMAC_C_S, SSH_OPTIONS_HMAC_S_C]
        }
    }
}
