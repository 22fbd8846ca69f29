/// How a request gets through a proxy. A request without one takes what the environment says, as
/// libcurl does.
public struct HTTPProxy: Sendable, Hashable {
    /// `http://proxy:3128`, with a user and password if it needs them; empty: none is used.
    public var url: String
    /// Hosts, domains and networks that are reached without it.
    public var direct: [String]

    public init(url: String, direct: [String] = []) {
        self.url = url
        self.direct = direct
    }

    /// Whether it listens at this IPv4 address and port, by what its URL says.
    public func isAt(address: UInt32, port: UInt16) -> Bool {
        let authority = url.split(separator: "/").dropFirst().first?.split(separator: "@").last
        let parts = (authority ?? "").split(separator: ":", maxSplits: 1)
        guard let host = parts.first else { return false }
        // 1080 is libcurl's default.
        let own = parts.count == 2 ? UInt16(parts[1]) : 1080
        guard own == port else { return false }
        if host == "localhost" { return address >> 24 == 127 }
        let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard bytes.count == 4 else { return false }
        return bytes.reduce(UInt32?(0)) { sum, byte in
            sum.flatMap { sum in byte.map { sum << 8 | UInt32($0) } }
        } == address
    }
}
