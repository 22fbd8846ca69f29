import AMQPKit
import Support
import TestSupport

/// Sessions with the shared server.
struct Sessions {
    let server: RabbitMQServer
    let vhost: String

    init() async throws {
        server = try await RabbitMQServer.shared()
        vhost = server.vhost()
    }

    func endpoint(
        user: String = RabbitMQServer.user, password: String = RabbitMQServer.password,
        vhost: String? = nil, authorities: String? = nil
    ) -> AMQPEndpoint {
        AMQPEndpoint(
            nodes: [], vhost: vhost ?? self.vhost, user: user, password: password,
            authorities: authorities, name: "aibuild tests")
    }

    func open(
        _ endpoint: AMQPEndpoint? = nil, queue: String = "requests", prefetch: Int = 10,
        exchanges: [String] = [], port: UInt16? = nil, host: String = "127.0.0.1",
        limits: AMQPLimits = AMQPLimits()
    ) async throws -> AMQPSession {
        try await AMQPSession.open(
            endpoint ?? self.endpoint(),
            at: AMQPEndpoint.Node(host: host, port: Int(port ?? server.port)),
            AMQPNeeds(queue: queue, prefetch: prefetch, exchanges: exchanges), limits: limits)
    }

    func message(
        _ text: String, to queue: String = "requests", exchange: String = "", id: String = "m",
        correlation: String? = nil
    ) -> AMQPMessage {
        AMQPMessage(
            exchange: exchange, routingKey: queue, messageID: id, correlationID: correlation,
            contentType: "application/json", type: "test", appID: "aibuild",
            body: Array(text.utf8))
    }
}

extension AMQPDelivery {
    var text: String { String(decoding: body ?? [], as: UTF8.self) }
}

/// The error of what must fail.
func failure(_ body: () async throws -> Void) async throws -> AMQPError {
    do { try await body() } catch let error as AMQPError { return error }
    throw Failure("it did not fail")
}
