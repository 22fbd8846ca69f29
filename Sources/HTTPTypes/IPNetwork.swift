import TextKit

/// An IPv4 or IPv6 network such as `10.20.0.0/16` or `2001:db8::/32`, or one address.
public struct IPNetwork: Sendable, Hashable {
    private let address: IPAddress
    private let prefixLength: Int

    /// `nil` if the text is none, or if bits behind the prefix are set.
    public init?(_ text: String) {
        if let network = IPv4Network(text) {
            address = IPAddress(network)
            prefixLength = 96 + Int(network.prefixLength)
            return
        }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count <= 2, let address = IPAddress(parts[0]) else { return nil }
        var length = 128
        if parts.count == 2 {
            guard let number = Int(parts[1]), (0...128).contains(number), "\(number)" == parts[1]
            else { return nil }
            length = number
        }
        self.address = address
        prefixLength = length
        guard address.bits & ~Self.mask(length) == 0 else { return nil }
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.bits & Self.mask(prefixLength) == address.bits
    }

    private static func mask(_ length: Int) -> UInt128 {
        length == 0 ? 0 : ~0 << UInt128(128 - length)
    }
}

/// An IP address. An IPv4 address and the IPv6 address that stands for it (`::ffff:…`) are equal.
public struct IPAddress: Sendable, Hashable {
    fileprivate let bits: UInt128

    fileprivate init(_ network: IPv4Network) { bits = Self.bits(network) }

    /// `nil` if the text is no address, or one with a zone (`%eth0`).
    public init?(_ text: String) {
        guard !text.utf8.contains(UInt8(ascii: "/")),
            let bits = IPv4Network(text).map({ Self.bits($0) }) ?? Self.bits(text)
        else { return nil }
        self.bits = bits
    }

    private static func bits(_ network: IPv4Network) -> UInt128 {
        0xFFFF << 32 | UInt128(network.address)
    }

    /// Of an IPv6 address.
    private static func bits(_ text: String) -> UInt128? {
        var parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard (3...9).contains(parts.count) else { return nil }
        // A gap at an end has two empty parts there.
        if parts[0].isEmpty, parts.removeFirst() != parts[0] { return nil }
        if parts.count > 1, parts[parts.count - 1].isEmpty,
            parts.removeLast() != parts[parts.count - 1]
        {
            return nil
        }
        if parts.count > 1, let tail = IPv4Network(parts[parts.count - 1]) {
            parts[parts.count - 1] = String(tail.address >> 16, radix: 16)
            parts.append(String(tail.address & 0xFFFF, radix: 16))
        }
        let gaps = parts.count(where: \.isEmpty)
        guard gaps == 0 && parts.count == 8 || gaps == 1 && parts.count <= 8 else { return nil }
        var bits: UInt128 = 0
        for part in parts {
            if part.isEmpty {
                bits <<= UInt128(16 * (9 - parts.count))
                continue
            }
            guard part.utf8.count <= 4, !"+-".utf8.contains(part.utf8[part.utf8.startIndex]),
                let group = UInt16(part, radix: 16)
            else { return nil }
            bits = bits << 16 | UInt128(group)
        }
        return bits
    }
}
