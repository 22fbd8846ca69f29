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
