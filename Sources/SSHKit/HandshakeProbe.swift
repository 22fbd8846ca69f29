import LoopKit

/// A second look at a host with which no session could be negotiated: reads the offers of the host,
/// which the libraries do not report, so that the error can say what to change.
struct HandshakeProbe {
    struct Offers {
        var banner: String
        var kexInit: KexInit
    }

    let endpoint: SSHEndpoint
    let loop: EventLoop

    /// The library of the failed attempt.
    let library: String
    let upgrade: String

    /// Returns the error that names the first kind of algorithm without a common one; nil if the
    /// offers could not be read or match.
    func explain(
        supported: [AlgorithmKind: [String]], hostKeyType: String?
    ) async throws -> SSHError? {
        guard let offers = try? await readOffers() else {
            try Task.checkCancellation()
            return nil
        }
        // Before the key exchange: a missing host key of the expected type is the likelier cause.
        for kind in [AlgorithmKind.hostKey, .keyExchange, .cipher, .mac] {
            let ours = supported[kind, default: []]
            for theirs in offers.kexInit.offers(kind) where Set(ours).isDisjoint(with: theirs) {
                return nothingInCommon(kind, ours: ours, theirs: theirs, banner: offers.banner)
            }
        }
        guard let hostKeyType else { return nil }
        let theirs = offers.kexInit.offers(.hostKey)[0]
        let names = AlgorithmKind.hostKeyNames(ofType: hostKeyType)
        guard Set(names).isDisjoint(with: theirs) else { return nil }
        return SSHError(
            .hostKeyChanged,
            "\(endpoint.place) has no \(hostKeyType) host key any more, by which it is known here; "
                + "it offers \(list(theirs)). If its host keys were changed on purpose, read the "
                + "new one on the host itself, and replace the known one. If not, another "
                + "machine answers in its place.")
    }

    private func nothingInCommon(
        _ kind: AlgorithmKind, ours: [String], theirs: [String], banner: String
    ) -> SSHError {
        SSHError(
            .noCommonAlgorithm,
            "\(endpoint.place) (\(printable(banner))) and this machine have no \(kind.rawValue) "
                + "algorithm in common. The host offers \(list(theirs)); \(library) "
                + "here can do \(list(ours)). \(kind.remedy)\(upgrade).")
    }

    private func list(_ names: [String]) -> String {
        names.isEmpty ? "nothing" : printable(names.joined(separator: ", "))
    }

    private func readOffers() async throws -> Offers {
        let deadline = Deadline(in: SSHLimits.probeMilliseconds)
        return try await withDeadline(deadline, loop: loop) {
            let socket = try await Dialer.dial(
                endpoint, deadlineMilliseconds: deadline.milliseconds, loop: loop)
            let stream = try AsyncDescriptor(socket, loop: loop)
            defer { stream.close() }
            try await stream.write(Array("SSH-2.0-sshkit_probe\r\n".utf8))
            var reader = ByteQueue(stream: stream)
            var banner = ""
            var bannerBytes = 0
            while !banner.hasPrefix("SSH-") {
                let line = try await reader.line()
                bannerBytes += line.count
                guard bannerBytes <= SSHLimits.bannerBytes else { throw WireReader.Malformed() }
                banner = String(decoding: line, as: UTF8.self)
            }
            var head = WireReader(try await reader.bytes(5))
            let length = Int(try head.uint32())
            let padding = Int(try head.byte())
            guard length <= SSHLimits.packetBytes, padding + 1 < length else {
                throw WireReader.Malformed()
            }
            let payload = try await reader.bytes(length - 1).dropLast(padding)
            return Offers(banner: banner, kexInit: try KexInit(payload: payload))
        }
    }
}

/// The offers of a host, from the message that begins a key exchange (RFC 4253, section 7.1), which
/// is not encrypted.
struct KexInit {
    private var lists: [[String]]

    static let messageNumber: UInt8 = 20

    init(payload: some Sequence<UInt8>) throws(WireReader.Malformed) {
        var reader = WireReader(payload)
        guard try reader.byte() == Self.messageNumber else { throw WireReader.Malformed() }
        _ = try reader.bytes(16)  // cookie
        lists = []
        for _ in 0..<8 { lists.append(try reader.nameList()) }
    }

    /// The lists for `kind`: one, or one for each direction.
    func offers(_ kind: AlgorithmKind) -> [[String]] {
        switch kind {
        case .keyExchange: [lists[0]]
        case .hostKey: [lists[1]]
        case .cipher: [lists[2], lists[3]]
        case .mac: [lists[4], lists[5]]
        }
    }
}
