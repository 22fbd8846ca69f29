import FoundationEssentials
import Glibc
import ProcessKit
import Support
import Synchronization

/// A real RabbitMQ server on loopback, with its own node, data and port mapper. Its virtual hosts
/// `t0`, `t1` … are alike; each test takes one:
///
/// | queue | what it is for |
/// |---|---|
/// | `requests` | rejected messages go to `refused` |
/// | `refused`, `results`, `replies` | |
/// | `full` | takes one message and refuses further ones |
/// | `topic` | an exchange without any queue; `fan` leads to `results` |
public final class RabbitMQServer: Sendable {
    public let port: UInt16
    /// With `localhost` in its certificate.
    public let tlsPort: UInt16
    public let certificates: TestCertificates
    private let server: ServerProcess
    private let vhosts = Mutex(0)

    public static let user = "aibuild"
    /// May not publish to the default exchange.
    public static let limitedUser = "limited"
    public static let password = "correct-horse-battery"
    private static let vhostCount = 40
    private static let sharedStart = Task { try await start() }

    /// The server that all tests of this process share.
    public static func shared() async throws -> RabbitMQServer { try await sharedStart.value }

    /// A separate server, for a test that breaks it.
    public static func start() async throws -> RabbitMQServer {
        let folder = "/tmp/aib-rabbitmq\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(folder, mode: 0o755)
        let certificates = try await TestCertificates(in: folder + "/tls")
        let server = try RabbitMQServer(folder, certificates)
        try await server.isUp()
        return server
    }

    private init(_ folder: String, _ certificates: TestCertificates) throws {
        self.certificates = certificates
        port = try LoopbackPort.free()
        tlsPort = try LoopbackPort.free()
        let mapper = try LoopbackPort.free()
        let distribution = try LoopbackPort.free()
        try Files.replace(
            folder + "/definitions.json",
            with: Array(try JSONEncoder().encode(Definitions(vhosts: Self.vhostCount))))
        try Files.replace(
            folder + "/rabbitmq.conf",
            with: Array(
                """
                listeners.tcp.1 = 127.0.0.1:\(port)
                listeners.ssl.1 = 127.0.0.1:\(tlsPort)
                ssl_options.cacertfile = \(folder)/tls/ca.pem
                ssl_options.certfile = \(folder)/tls/server.pem
                ssl_options.keyfile = \(folder)/tls/server-key.pem
                load_definitions = \(folder)/definitions.json
                disk_free_limit.absolute = 1MB
                vm_memory_high_watermark.absolute = 512MB

                """.utf8))
        try Files.replace(folder + "/plugins", with: Array("[].\n".utf8))
        try Files.replace(
            folder + "/environment",
            with: Array(
                """
                export HOME=\(folder) LANG=C.UTF-8 PATH=/usr/lib/rabbitmq/bin:/usr/bin:/bin
                export ERL_EPMD_PORT=\(mapper) ERL_EPMD_ADDRESS=127.0.0.1
                export RABBITMQ_NODENAME=aib\(port)@localhost RABBITMQ_DIST_PORT=\(distribution)
                export RABBITMQ_NODE_PORT=\(port) RABBITMQ_MNESIA_BASE=\(folder)/data
                export RABBITMQ_LOG_BASE=\(folder)/logs RABBITMQ_LOGS=-
                export RABBITMQ_CONFIG_FILE=\(folder)/rabbitmq.conf
                export RABBITMQ_ADVANCED_CONFIG_FILE=\(folder)/none
                export RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_PID_FILE=\(folder)/pid
                export RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/plugins
                export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none"

                """.utf8))
        server = try ServerProcess(folder: folder, ["/bin/sh", "-c", Self.script, "node", folder])
    }

    /// As root, the server runs as the package's user. It is started again while `down` does not
    /// exist, until its supervisor is terminated.
    private static let script = """
        dir=$1
        . "$dir/environment"
        as=
        if [ "$(id -u)" = 0 ]; then
            chown -R rabbitmq: "$dir"
            as="setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups"
        fi
        cd "$dir"
        $as epmd -port $ERL_EPMD_PORT -address 127.0.0.1 & mapper=$!
        node=
        trap 'kill -KILL $(cat "$dir/pid") $node; kill $mapper; wait; exit 0' TERM
        while :; do
            while [ -e "$dir/down" ]; do sleep 0.1; done
            rm -f "$dir/pid"
            $as rabbitmq-server & node=$!
            wait $node
        done
        """

    /// An endpoint's virtual host that no other test of this process uses.
    public func vhost() -> String {
        vhosts.withLock { count in
            defer { count += 1 }
            return "t\(count % Self.vhostCount)"
        }
    }

    public var log: String { server.log }

    /// The output of `rabbitmqctl`.
    public func control(_ words: String...) async throws -> String {
        let script = """
            . "$1/environment"
            as=
            [ "$(id -u)" != 0 ] || as="setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups"
            shift
            exec $as rabbitmqctl -q "$@"
            """
        let output = try await Command(
            ["/bin/sh", "-c", script, "control", server.folder] + words,
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        guard output.status.isSuccess else {
            throw Failure("rabbitmqctl: \(output.stdoutText)\(output.stderrText)")
        }
        return output.stdoutText
    }

    /// Of a queue, those that are delivered and not settled included, as the server counts them.
    public func messages(in queue: String, of vhost: String) async throws -> Int {
        let text = try await control("list_queues", "-p", vhost, "name", "messages")
        let row = text.split(separator: "\n").map { $0.split(separator: "\t") }
            .first { $0.first.map(String.init) == queue }
        guard let count = row?.last.flatMap({ Int($0) }) else {
            throw Failure("no queue \(queue): \(text)")
        }
        return count
    }

    /// Kills the server as a power cut would; it stays away.
    public func kill() async throws {
        try Files.replace(server.folder + "/down", with: [])
        let text = String(
            decoding: try Files.read(server.folder + "/pid", limitBytes: 64), as: UTF8.self)
        guard let pid = Int32(text.filter(\.isNumber)) else { throw Failure("no pid: \(log)") }
        Glibc.kill(pid, SIGKILL)
        try await eventually("RabbitMQ is gone") { !isListening }
    }

    /// Starts it again with the same data.
    public func comeBack() async throws {
        try Files.remove(server.folder + "/down")
        try await isUp()
    }

    private func isUp() async throws {
        try await eventually("RabbitMQ listens: \(log.suffix(4_000))", everyMilliseconds: 50) {
            isListening
        }
    }

    private var isListening: Bool {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: Glibc.socket(AF_INET, type, 0))
        return LoopbackSocket.connect(socket.raw, port: tlsPort)
    }
}

/// What the server has from its first start on.
private struct Definitions: Encodable {
    struct User: Encodable {
        var name: String
        var password = RabbitMQServer.password
        var tags = ""
    }

    struct Named: Encodable { var name: String }

    struct Permission: Encodable {
        var user, vhost, configure, write, read: String
    }

    struct Queue: Encodable {
        var name, vhost: String
        var durable = true
        var auto_delete = false
        var arguments: [String: Argument] = [:]
    }

    enum Argument: Encodable {
        case text(String)
        case number(Int)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .number(let number): try container.encode(number)
            }
        }
    }

    struct Exchange: Encodable {
        var name, vhost, type: String
        var durable = true
        var auto_delete = false
        var `internal` = false
        var arguments: [String: String] = [:]
    }

    struct Binding: Encodable {
        var source, vhost, destination: String
        var destination_type = "queue"
        var routing_key = ""
        var arguments: [String: String] = [:]
    }

    var users = [User(name: RabbitMQServer.user), User(name: RabbitMQServer.limitedUser)]
    var vhosts: [Named] = [Named(name: "/")]
    var permissions: [Permission] = []
    var queues: [Queue] = []
    var exchanges: [Exchange] = []
    var bindings: [Binding] = []

    init(vhosts count: Int) {
        for vhost in (0..<count).map({ "t\($0)" }) {
            vhosts.append(Named(name: vhost))
            permissions.append(
                Permission(
                    user: RabbitMQServer.user, vhost: vhost, configure: ".*", write: ".*",
                    read: ".*"))
            permissions.append(
                Permission(
                    user: RabbitMQServer.limitedUser, vhost: vhost, configure: "", write: "^fan$",
                    read: ".*"))
            queues.append(
                Queue(
                    name: "requests", vhost: vhost,
                    arguments: [
                        "x-dead-letter-exchange": .text(""),
                        "x-dead-letter-routing-key": .text("refused"),
                    ]))
            queues += ["refused", "results", "replies"].map { Queue(name: $0, vhost: vhost) }
            queues.append(
                Queue(
                    name: "full", vhost: vhost,
                    arguments: [
                        "x-max-length": .number(1), "x-overflow": .text("reject-publish"),
                    ]))
            exchanges.append(Exchange(name: "topic", vhost: vhost, type: "topic"))
            exchanges.append(Exchange(name: "fan", vhost: vhost, type: "fanout"))
            bindings.append(Binding(source: "fan", vhost: vhost, destination: "results"))
        }
    }
}
