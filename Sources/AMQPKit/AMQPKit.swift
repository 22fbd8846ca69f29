//! AMQPKit: consumes a queue of a RabbitMQ server and publishes with confirms, over one connection
//! on a thread of its own. Knows nothing of what messages say, declares nothing on the server, and
//! never lets a password into a message.

/// The limits of a session, each with its reason.
public struct AMQPLimits: Sendable {
    /// To connect, to log in, and for each answer during the setup.
    public var answerSeconds = 10
    /// A peer that is silent for twice this long is gone.
    public var heartbeatSeconds = 20
    /// RabbitMQ's own default; a larger message comes in several frames.
    public var frameBytes = 128 << 10
    /// The body of a larger message is dropped as it arrives, and only its size is reported.
    public var messageBytes = 256 << 10
    /// How long the server may take to confirm that it has stored a message: a cluster that elects
    /// a new leader of a queue needs seconds.
    public var confirmSeconds = 30
    /// Messages that wait for their confirmation.
    public var unconfirmed = 1_000
    /// Bytes of a property or of the server's own words that are kept.
    public var textBytes = 1_024

    public init() {}
}

/// A server, or the nodes of a cluster, and how to log in.
public struct AMQPEndpoint: Sendable {
    public struct Node: Sendable, Hashable, CustomStringConvertible {
        public var host: String
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        public var description: String { "\(host):\(port)" }
    }

    /// Tried in turn.
    public var nodes: [Node]
    public var vhost: String
    public var user: String
    public var password: String
    /// `nil`: without TLS. Otherwise the file of trusted authorities; the server's certificate must
    /// name the host.
    public var authorities: String?
    /// Shown in the server's list of connections.
    public var name: String

    /// Of Debian: librabbitmq 0.11 knows no default.
    public static let systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    public init(
        nodes: [Node], vhost: String = "/", user: String, password: String,
        authorities: String? = nil, name: String
    ) {
        self.nodes = nodes
        self.vhost = vhost
        self.user = user
        self.password = password
        self.authorities = authorities
        self.name = name
    }
}

/// What a session needs on the server, all of which must exist.
public struct AMQPNeeds: Sendable {
    /// That is consumed; `nil`: the session only publishes.
    public var queue: String?
    /// Messages that are delivered and not settled yet.
    public var prefetch: Int
    public var exchanges: [String]

    public init(queue: String? = nil, prefetch: Int = 0, exchanges: [String] = []) {
        self.queue = queue
        self.prefetch = prefetch
        self.exchanges = exchanges
    }
}

/// A message that the server delivered.
public struct AMQPDelivery: Sendable {
    /// Names it within its session.
    public var tag: UInt64
    public var isRedelivered: Bool
    public var messageID: String?
    public var correlationID: String?
    public var replyTo: String?
    /// Of the account that published it, checked by the server; `nil` if the publisher set none.
    public var userID: String?
    /// `nil` if it is larger than the limit.
    public var body: [UInt8]?
    public var bodyBytes: UInt64
}

/// A message to be published. The server stores it durably, if the queue is durable.
public struct AMQPMessage: Sendable {
    /// `""`: the default exchange, where the routing key is the name of a queue.
    public var exchange: String
    public var routingKey: String
    /// Tells messages apart.
    public var messageID: String
    public var correlationID: String?
    public var contentType: String
    public var type: String
    public var appID: String
    public var body: [UInt8]

    public init(
        exchange: String, routingKey: String, messageID: String, correlationID: String? = nil,
        contentType: String, type: String, appID: String, body: [UInt8]
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.messageID = messageID
        self.correlationID = correlationID
        self.contentType = contentType
        self.type = type
        self.appID = appID
        self.body = body
    }
}
