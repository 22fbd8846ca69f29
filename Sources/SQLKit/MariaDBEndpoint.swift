import Synchronization

/// A MariaDB server and the account to use. Its password is never printed.
public struct MariaDBEndpoint: Sendable {
    /// The server's certificate must be of these authorities, and name its host.
    public struct TLS: Sendable {
        /// Certificates of the trusted authorities, in PEM.
        public var authorities: String
        /// Of the client, for a server that asks for it.
        public var certificate, key: String?

        public init(authorities: String, certificate: String? = nil, key: String? = nil) {
            self.authorities = authorities
            self.certificate = certificate
            self.key = key
        }
    }

    public var host: String
    public var port: Int
    /// Other nodes of the same cluster, tried in turn if this one is not usable.
    public var alternatives: [(host: String, port: Int)] = []
    /// A Unix socket is used instead of host and port.
    public var socket: String?
    public var user: String
    var password: String
    public var database: String
    /// `nil`: everything crosses the network in clear.
    public var tls: TLS?
    /// How long a connect may take.
    public var connectTimeoutSeconds: Int
    /// How long one statement may take.
    public var statementTimeoutSeconds: Int

    public init(
        host: String = "127.0.0.1", port: Int = 3306, socket: String? = nil, user: String,
        password: String, database: String,
        connectTimeoutSeconds: Int = SQLLimits.connectTimeoutSeconds,
        statementTimeoutSeconds: Int = SQLLimits.statementTimeoutSeconds
    ) {
        self.host = host
        self.port = port
        self.socket = socket
        self.user = user
        self.password = password
        self.database = database
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.statementTimeoutSeconds = statementTimeoutSeconds
    }

    /// This server, then each alternative.
    var candidates: [MariaDBEndpoint] {
        [self]
            + alternatives.map { place in
                var other = self
                (other.host, other.port) = (place.host, place.port)
                return other
            }
    }

    var address: String { socket ?? (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)") }
}

extension MariaDBEndpoint: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public var description: String { "MariaDB at \(address) as \(user), database \(database)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where a database is.
public enum SQLLocation: Sendable {
    /// A file, created if it does not exist. Only one process may have it open.
    case sqlite(path: String)
    case mariadb(MariaDBEndpoint)
}

/// Connects to the first usable node, beginning with the one that worked last: all connections of
/// a pool go to one node as long as it lives, so that their transactions meet at its locks and not
/// at the cluster's certification.
final class MariaDBCluster: Sendable {
    private let nodes: [MariaDBEndpoint]
    private let current = Mutex(0)

    init(_ server: MariaDBEndpoint) { nodes = server.candidates }

    func connect() throws(SQLError) -> MariaDBConnection {
        let first = current.withLock(\.self)
        var refusals: [SQLError] = []
        // Reads are still served if no node takes changes.
        var second: MariaDBConnection?
        for step in nodes.indices {
            let index = (first + step) % nodes.count
            do throws(SQLError) {
                let connection = try MariaDBConnection(nodes[index])
                if let drawback = connection.state.drawback, nodes.count > 1 {
                    second = second ?? connection
                    refusals.append(SQLError(.unreachable, "\(nodes[index]) \(drawback)"))
                    continue
                }
                current.withLock { $0 = index }
                return connection
            } catch {
                // A wrong password or a missing database is the same on each of them.
                guard [.unreachable, .connectionLost, .limited].contains(error.code) else {
                    throw error
                }
                refusals.append(error)
            }
        }
        if let second { return second }
        guard let last = refusals.last else { throw SQLError(.misuse, "no MariaDB node is named") }
        guard refusals.count > 1 else { throw last }
        let detail = refusals.map(\.description).joined(separator: "; ")
        throw SQLError(.unreachable, "no node of the cluster can be used: \(detail)")
    }
}
