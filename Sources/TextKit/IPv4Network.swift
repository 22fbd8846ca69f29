/// An IPv4 network such as `10.20.0.0/16`, or one address.
public struct IPv4Network: Sendable, Hashable, Codable, CustomStringConvertible {
    public let address: UInt32
    public let prefixLength: UInt8

    /// `nil` if the text is no address or network. Bits behind the prefix must be zero: a network
    /// written with one of its hosts is usually a mistake.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard parts.count <= 2, let address = Self.address(parts[0]) else { return nil }
        var length = UInt8(32)
        if parts.count == 2 {
            guard let number = UInt8(parts[1]), number <= 32, String(number) == parts[1] else {
                return nil
            }
            length = number
        }
        guard address & ~Self.mask(length) == 0 else { return nil }
        self.address = address
        prefixLength = length
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let network = IPv4Network(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no network")
        }
        self = network
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public func overlaps(_ other: IPv4Network) -> Bool {
        let mask = Self.mask(min(prefixLength, other.prefixLength))
        return address & mask == other.address & mask
    }

    public func contains(_ address: UInt32) -> Bool {
        address & Self.mask(prefixLength) == self.address
    }

    public var description: String {
        let bytes = [24, 16, 8, 0].map { String(address >> UInt32($0) & 0xFF) }
        return bytes.joined(separator: ".") + "/\(prefixLength)"
    }

    private static func address(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(part), String(byte) == part else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }

    private static func mask(_ length: UInt8) -> UInt32 {
        length == 0 ? 0 : ~0 << UInt32(32 - length)
    }
}
