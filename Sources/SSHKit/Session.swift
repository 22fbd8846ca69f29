import CSSH2
import Glibc
import LoopKit
import Support

/// One LIBSSH2_SESSION with its socket, freed together. Only the loop's thread touches it, but for
/// the last release, when nobody else can.
final class Session {
    let raw: OpaquePointer
    let transport: Transport
    private let loop: EventLoop

    static let isInitialized = libssh2_init(0) == 0
    static var version: String { libssh2_version(0).map { String(cString: $0) } ?? "?" }

    init(_ socket: consuming Descriptor, loop: EventLoop) throws(SSHError) {
        let transport = Transport(fd: socket.raw)
        let abstract = Unmanaged.passUnretained(transport).toOpaque()
        guard Self.isInitialized, let raw = libssh2_session_init_ex(nil, nil, nil, abstract) else {
            throw SSHError(.protocolViolated, "libssh2 cannot start: no memory.")
        }
        self.raw = raw
        self.transport = transport
        self.loop = loop
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

    /// Sets what is negotiated; a host key only of the type that is expected, where one is.
    func prefer(hostKeyType: String?) throws(SSHError) {
        for kind in AlgorithmKind.allCases {
            var names = kind.preferred
            if kind == .hostKey, let hostKeyType {
                names = AlgorithmKind.hostKeyNames(ofType: hostKeyType)
            }
            for method in kind.methods {
                let code = libssh2_session_method_pref(raw, method, names.joined(separator: ","))
                guard code == 0 else {
                    throw SSHError(
                        .noCommonAlgorithm,
                        "libssh2 \(Self.version) on this machine can do no \(kind.rawValue) of "
                            + names.joined(separator: ", ")
                            + ". \(kind.remedy), or use libssh2 1.11 "
                            + "or newer here.")
                }
            }
        }
    }

    /// What this libssh2 can do of what we would use.
    var supported: [AlgorithmKind: [String]] {
        Dictionary(uniqueKeysWithValues: AlgorithmKind.allCases.map { ($0, supported($0)) })
    }

    private func supported(_ kind: AlgorithmKind) -> [String] {
        var list: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        let count = libssh2_session_supported_algs(raw, kind.methods[0], &list)
        guard count > 0, let list else { return [] }
        defer { libssh2_free(raw, list) }
        let names = (0..<Int(count)).compactMap { list[$0].map { String(cString: $0) } }
        return kind.preferred.filter(names.contains)
    }

    /// The key that the host proved to own in the handshake.
    func hostKey() throws(SSHError) -> SSHHostKey {
        var length = 0
        var type: Int32 = 0
        guard let key = libssh2_session_hostkey(raw, &length, &type), length > 0 else {
            throw SSHError(.protocolViolated, "The host showed no host key.")
        }
        let bytes = UnsafeRawBufferPointer(start: key, count: length)
        return try SSHHostKey(blob: Array(bytes))
    }

    /// What libssh2 says about its last failure.
    func lastMessage() -> String {
        var message: UnsafeMutablePointer<CChar>?
        let code = libssh2_session_last_error(raw, &message, nil, 0)
        return "\(message.map { printable(String(cString: $0)) } ?? "") (libssh2 error \(code))"
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

extension Session {
    /// Tells the host that the session ends, as far as that can be done without waiting.
    func sayGoodbye() {
        libssh2_session_disconnect_ex(raw, SSH_DISCONNECT_BY_APPLICATION, "", "")
        transport.flush()
    }
}
