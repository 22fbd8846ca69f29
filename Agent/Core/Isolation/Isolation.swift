public import TextKit

/// How the programs of attempts are kept apart from the host and from each other. The daemon makes
/// it from agent.yml and passes it to each supervisor.
public struct Isolation: Sendable, Hashable, Codable {
    /// The networks that programs reach; `nil`: all, empty: none.
    public var networks: [IPv4Network]?
    /// Paths of the host that programs can read, besides the system's.
    public var readOnly: [String]
    /// Paths of the host that programs can also write.
    public var readWrite: [String]
    /// The networks that base images come from, besides those that programs reach.
    public var baseImageNetworks: [IPv4Network]
    /// Paths below the system's folders that programs do not see: where the agent is configured.
    public var hidden: [String]

    public init(
        networks: [IPv4Network]? = nil, readOnly: [String] = [], readWrite: [String] = [],
        baseImageNetworks: [IPv4Network] = [], hidden: [String] = []
    ) {
        self.networks = networks
        self.readOnly = readOnly
        self.readWrite = readWrite
        self.baseImageNetworks = baseImageNetworks
        self.hidden = hidden
    }

    /// Whether programs have only a loopback interface of their own.
    public var isOffline: Bool { networks?.isEmpty == true }

    /// The host's own, and what no network policy opens: cloud metadata is link-local.
    public static let reserved = ["127.0.0.0/8", "169.254.0.0/16"].compactMap { IPv4Network($0) }

    /// What the network programs need; `bwrap` alone isolates an offline program.
    public static let programs = ["bwrap"]
    public static let networkPrograms = ["slirp4netns", "nsenter", "ip"]
}
