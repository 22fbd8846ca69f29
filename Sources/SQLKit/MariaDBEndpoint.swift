/// A MariaDB server and the account to use. Its password is never printed.
public struct MariaDBEndpoint: Sendable {
    public var host: String
    public var port: Int
    /// Other nodes of the same cluster, tried in turn if this one is not usable.
    public var alternatives: [(host: String, port: Int)] = []
    /// A Unix socket is used instead of host and port.
    public var socket: String?
    public var user: String
    var password: String
    public var database: String
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
