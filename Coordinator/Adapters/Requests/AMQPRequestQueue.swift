public import AMQPKit
import BuildProtocol
public import CoordinatorCore
import Support
import Synchronization

/// Requests for builds in a queue of RabbitMQ.
public final class AMQPRequestQueue: RequestQueue {
    /// Where the answers go.
    public struct Results: Sendable {
        /// `""`: the default exchange, where the routing key is the name of a queue.
        public var exchange: String
        public var routingKey: String

        public init(exchange: String, routingKey: String) {
            self.exchange = exchange
            self.routingKey = routingKey
        }
    }

    public let queue: String
    private let endpoint: AMQPEndpoint
    private let prefetch: Int
    private let results: Results?
    private let next = Mutex(0)

    private static let limits: AMQPLimits = {
        var limits = AMQPLimits()
        limits.messageBytes = BuildRequest.Bounds.bodyBytes
        return limits
    }()

    public init(_ endpoint: AMQPEndpoint, queue: String, prefetch: Int, results: Results?) {
        self.endpoint = endpoint
        self.queue = queue
        self.prefetch = prefetch
        self.results = results
    }

    public var servers: String {
        let scheme = endpoint.authorities == nil ? "amqp" : "amqps"
        return endpoint.nodes.map { "\(scheme)://\($0)" }.joined(separator: ", ")
    }

    /// - Throws: what the last node said, if none can be used.
    public func connect() async throws -> any RequestQueueSession {
        let needs = AMQPNeeds(
            queue: queue, prefetch: prefetch, exchanges: [results?.exchange].compactMap(\.self))
        // Each try begins at another one.
        let first = next.withLock { next in
            defer { next += 1 }
            return next
        }
        let failure: AMQPError
        do {
            let session = try await AMQPSession.open(
                endpoint, from: first, needs, limits: Self.limits)
            return AMQPRequestSession(session, results)
        } catch let error as AMQPError { failure = error }
        let advice =
            failure.code == .missing
            ? ". Create it (docs/rabbitmq.md); nothing has to be restarted" : ""
        throw RequestQueueFault(
            failure.isPermanent ? .usual : .unavailable, "\(failure)\(advice)")
    }
}

private struct AMQPRequestSession: RequestQueueSession {
    let session: AMQPSession
    let results: AMQPRequestQueue.Results?

    init(_ session: AMQPSession, _ results: AMQPRequestQueue.Results?) {
        self.session = session
        self.results = results
    }

    var server: String { "\(session.node)" }

    func receive(_ body: (RequestMessage) async -> Void) async throws {
        do {
            for try await delivery in session.deliveries {
                await body(
                    RequestMessage(
                        tag: RequestMessage.Tag(delivery.tag), messageID: delivery.messageID,
                        correlationID: delivery.correlationID, replyTo: delivery.replyTo,
                        user: delivery.userID, body: delivery.body,
                        bodyBytes: Int64(clamping: delivery.bodyBytes)))
            }
        } catch let error as AMQPError {
            throw RequestQueueFault(
                error.isPermanent ? .usual : .unavailable, "\(error)")
        }
    }

    func acknowledge(_ message: RequestMessage.Tag) { session.acknowledge(message.number) }
    func reject(_ message: RequestMessage.Tag) { session.reject(message.number) }
    func close() async { await session.close() }

    func publish(_ message: AnswerMessage, replyTo: String?) async throws {
        let place = replyTo.map { AMQPRequestQueue.Results(exchange: "", routingKey: $0) }
        guard let place = place ?? results else { return }
        do {
            try await session.publish(
                AMQPMessage(
                    exchange: place.exchange, routingKey: place.routingKey,
                    messageID: message.messageID, correlationID: message.correlationID,
                    contentType: "application/json", type: "aibuild.build", appID: "aibuild",
                    body: message.body))
        } catch let error as AMQPError {
            throw RequestQueueFault(
                error.isPermanent ? .usual : .unavailable, "\(error)")
        }
    }
}
