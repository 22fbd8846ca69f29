public import TextKit

/// The addresses that base images are fetched from. The agent fetches them with the rights of a
/// program of the host, for a URL that a template wrote: without this, a template could read what
/// only the host reaches.
public struct FetchNetworks: Sendable, Hashable, Codable {
    /// `nil`: all that are not closed.
    private let networks: [IPv4Network]?
    public let closed: [IPv4Network]
    /// Takes precedence over both.
    private let opened: [IPv4Network]

    public init(_ isolation: Isolation, hostAddresses: [IPv4Network]) {
        networks = isolation.networks
        closed = Isolation.reserved + Self.anyAddress + hostAddresses
        opened = isolation.baseImageNetworks
    }

    /// To connect to 0.0.0.0 is to connect to this host.
    private static let anyAddress = ["0.0.0.0/8"].compactMap { IPv4Network($0) }

    /// Follows the error of an address that is closed.
    public static let advice =
        "; this host fetches base images from the networks that builds reach, and from "
        + "`base_image_networks` in its agent.yml"

    public func contains(_ address: UInt32) -> Bool {
        let isIn = { (network: IPv4Network) in network.contains(address) }
        return opened.contains(where: isIn)
            || !closed.contains(where: isIn) && networks?.contains(where: isIn) ?? true
    }
}
