/// The proxies whose word is taken for who sent a request, and whether that came by TLS.
public struct TrustedProxies: Sendable {
    private let networks: [IPNetwork]

    /// More are no chain of proxies that anybody runs.
    private static let hops = 16

    public init(_ networks: [IPNetwork] = []) { self.networks = networks }

    public var isEmpty: Bool { networks.isEmpty }

    /// - Parameter peer: a numeric address.
    public func contains(_ peer: String) -> Bool {
        guard !isEmpty, let address = IPAddress(peer) else { return false }
        return networks.contains { $0.contains(address) }
    }

    /// Replaces the address of a trusted proxy by that of its client.
    ///
    /// Each proxy appends whom it got the request from, so the last address that is no trusted
    /// proxy's is believed, and nothing before it: anybody can send that. What is no address ends
    /// the chain.
    public func resolve(_ request: inout HTTPRequest) {
        guard contains(request.remoteAddress) else { return }
        let chain = request.headers.all("X-Forwarded-For").joined(separator: ",").utf8
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        for hop in chain.suffix(Self.hops).reversed() {
            let address = String(decoding: hop.filter { !" \t".utf8.contains($0) }, as: UTF8.self)
            guard IPAddress(address) != nil else { break }
            request.remoteAddress = address
            guard contains(address) else { break }
        }
        switch request.headers.all("X-Forwarded-Proto") {
        case ["https"]: request.isEncrypted = true
        case ["http"]: request.isEncrypted = false
        default: break
        }
    }
}
