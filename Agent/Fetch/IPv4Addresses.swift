import Glibc

/// Name resolution for this program, which may block.
enum IPv4Addresses {
    /// Whether the DNS says that the name does not exist.
    static func isUnknown(_ name: String) -> Bool {
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(name, nil, nil, &list)
        if result == 0 { freeaddrinfo(list) }
        return result == EAI_NONAME
    }

    /// The addresses of a name, as numbers; empty if there are none.
    static func of(_ name: String) -> [UInt32] {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [UInt32] = []
        var next = list
        while let entry = next?.pointee {
            // The address follows its family and port.
            if let address = entry.ai_addr, entry.ai_addrlen >= 8 {
                let number = UnsafeRawPointer(address).loadUnaligned(
                    fromByteOffset: 4, as: UInt32.self)
                addresses.append(UInt32(bigEndian: number))
            }
            next = entry.ai_next
        }
        return addresses
    }
}
