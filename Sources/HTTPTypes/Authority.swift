/// `host` or `host:port`, as in the header `Host` and in URLs. Taken apart at bytes.
public struct Authority: Sendable, Hashable {
    /// In lower case, without the dot that may end a name; an IPv6 address is in brackets.
    public let host: String
    /// As written; `nil` if it is left out.
    public let port: String?

    /// `nil` if `text` is anything else, such as a list or a name with a space.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let end: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")),
                bytes[1..<bracket].allSatisfy(Self.isOfIPv6), bracket > 1
            else { return nil }
            end = bracket + 1
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
            guard end > 0, bytes[..<end].allSatisfy(Self.isOfName) else { return nil }
        }
        var name = bytes[..<end].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        if name.count > 1, name.last == UInt8(ascii: ".") { name.removeLast() }
        host = String(decoding: name, as: UTF8.self)
        guard end < bytes.count else {
            port = nil
            return
        }
        let digits = bytes[(end + 1)...]
        guard bytes[end] == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy(Self.isDigit)
        else { return nil }
        port = digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    /// The authority of `http://host:port/path` or of an `Origin`; `nil` for other texts, among
    /// them `null` and URLs with credentials.
    public init?(url: some StringProtocol) {
        let bytes = Array(url.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[colon...].starts(with: "://".utf8)
        else { return nil }
        let rest = bytes[(colon + 3)...].prefix { !"/?#".utf8.contains($0) }
        self.init(String(decoding: rest, as: UTF8.self))
    }

    /// Whether the host is an IP address. A browser takes every name that ends in digits for one.
    public var isAddress: Bool {
        if host.utf8.first == UInt8(ascii: "[") { return true }
        let last = host.utf8.split(separator: UInt8(ascii: ".")).last
        return last?.allSatisfy(Self.isDigit) ?? false
    }

    /// Whether it is this machine for whoever wrote it.
    public var isLoopback: Bool {
        host == "localhost" || host == "[::1]" || (isAddress && host.utf8.starts(with: "127.".utf8))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isOfName(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || "-._".utf8.contains(byte)
    }

    private static func isOfIPv6(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
            || ":.".utf8.contains(byte)
    }
}

extension Authority: CustomStringConvertible {
    public var description: String { port.map { "\(host):\($0)" } ?? host }
}
