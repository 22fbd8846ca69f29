import AMQPKit
import CoordinatorAdapters
import HTTPTypes
import Support
import TextKit
import YAMLKit

/// `rabbitmq:` in coordinator.yml: how to log in there, the queue of requests for builds, and where
/// their answers go.
struct RabbitMQSettings {
    let endpoint: AMQPEndpoint
    /// `nil`: nobody requests builds by messages.
    private(set) var queue: AMQPRequestQueue?

    init(_ yaml: YAMLMapping) throws {
        let isEncrypted = try yaml.take("tls", .bool, default: true)
        let authorities = try yaml.takeIfPresent("ca_file", .existingFile)
        guard isEncrypted || authorities == nil else {
            throw yaml.error("ca_file", "is for tls: true")
        }
        let nodes = try yaml.take("hosts", .list(of: Self.serverName)).compactMap {
            Self.node($0, port: isEncrypted ? 5671 : 5672)
        }
        guard (1...20).contains(nodes.count) else {
            throw yaml.error("hosts", "expected 1 to 20 servers")
        }
        let password =
            try Configuration.text(yaml, "password_file").lines.first.map(String.init) ?? ""
        guard !password.isEmpty else {
            throw yaml.error("password_file", "the file has no password in its first line")
        }
        endpoint = AMQPEndpoint(
            nodes: nodes, vhost: try yaml.take("vhost", Self.name, default: "/"),
            user: try yaml.take("user", Self.name, default: "aibuild"), password: password,
            authorities: isEncrypted ? authorities ?? AMQPEndpoint.systemAuthorities : nil,
            name: "aibuild-coordinator")
        queue = try Self.queue(yaml, endpoint)
    }

    private static func queue(
        _ yaml: YAMLMapping, _ endpoint: AMQPEndpoint
    ) throws -> AMQPRequestQueue? {
        let requests = try yaml.takeIfPresent("requests", .mapping)
        let answers = try yaml.takeIfPresent("results", .mapping)
        guard let requests else {
            guard answers == nil else {
                throw yaml.error("results", "are the answers to requests, which are not set")
            }
            return nil
        }
        let queue = try requests.take("queue", name)
        let prefetch = try requests.take("prefetch", .int(1...1000), default: 8)
        var results: AMQPRequestQueue.Results?
        if let answers {
            results = AMQPRequestQueue.Results(
                exchange: try answers.take("exchange", longName, default: ""),
                routingKey: try answers.take("routing_key", longName, default: ""))
            if let results, results.exchange.isEmpty {
                guard !results.routingKey.isEmpty else {
                    throw yaml.error(
                        "results", "needs an exchange, or the name of a queue as routing_key")
                }
                guard results.routingKey != queue else {
                    throw yaml.error("results", "answers would be taken for requests")
                }
            }
        }
        return AMQPRequestQueue(endpoint, queue: queue, prefetch: prefetch, results: results)
    }

    private static func node(_ text: String, port: Int) -> AMQPEndpoint.Node? {
        guard let authority = Authority(text) else { return nil }
        let host = authority.host.filter { $0 != "[" && $0 != "]" }
        guard let given = authority.port else { return AMQPEndpoint.Node(host: host, port: port) }
        guard let number = Int(given), (1...65535).contains(number) else { return nil }
        return AMQPEndpoint.Node(host: host, port: number)
    }

    private static var serverName: YAMLType<String> {
        .string.checked { text in
            node(text, port: 5671) == nil
                ? "expected a server such as mq1.example.org or mq1.example.org:5671" : nil
        }
    }

    /// AMQP's names have at most 255 bytes.
    static var longName: YAMLType<String> {
        .string.checked { $0.utf8.count > 255 ? "has more than 255 bytes" : nil }
    }

    private static var name: YAMLType<String> {
        longName.checked { $0.isEmpty ? "is empty" : nil }
    }
}
