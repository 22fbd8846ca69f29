import Glibc
import ProcessKit
public import SQLKit
import Support

/// Three real MariaDB nodes on loopback that replicate by Galera. They are killed and removed with
/// this object, or when the test process ends.
public final class GaleraCluster: Sendable {
    public struct Node: Sendable {
        public let port: Int
        fileprivate let folder: String
        fileprivate let groupPort: Int
        fileprivate let transferPort: Int
        fileprivate let snapshotPort: Int
    }

    public let nodes: [Node]
    private let folder: FarmFolder
    static let user = "aibuild"
    /// What administrators are given; the tests change addresses, and what costs time or memory.
    private static let settings = DeployFolder.path + "/mariadb/galera.cnf"

    public init() async throws {
        let folder = try FarmFolder()
        self.folder = folder
        // As root, the server runs as user mysql.
        chmod(folder.path, 0o755)
        nodes = try (0..<3).map { index in
            Node(
                port: Int(try LoopbackPort.free()), folder: "\(folder.path)/n\(index)",
                groupPort: Int(try LoopbackPort.free()),
                transferPort: Int(try LoopbackPort.free()),
                snapshotPort: Int(try LoopbackPort.free()))
        }
        try await shell(
            """
            user=$(id -un); test "$user" != root || user=mysql
            mkdir n0 n1 n2
            mariadb-install-db --no-defaults --user=$user --datadir=\(folder.path)/n0/data \
                --auth-root-authentication-method=normal --skip-test-db \
                --innodb-log-file-size=16M >install.log 2>&1
            cp -a n0/data n1/data; cp -a n0/data n2/data
            chown "$user": n0 n1 n2
            """)
        for (index, node) in nodes.enumerated() {
            try await start(node, isFirst: index == 0)
        }
        let admin = try await root(nodes[0])
        for statement in [
            "CREATE DATABASE aibuild CHARACTER SET utf8mb4",
            "CREATE USER '\(Self.user)'@'%' IDENTIFIED BY '\(MariaDBServer.password)'",
            "GRANT ALL ON aibuild.* TO '\(Self.user)'@'%'",
        ] { try await admin.execute(statement) }
        await admin.close()
        // The other nodes replicate the first one's changes a moment later.
        for index in nodes.indices {
            var alone = endpoint(first: index)
            alone.alternatives = []
            try await eventually("node \(index) knows the user", seconds: 60) {
                guard let database = try? await SQLDatabase.open(.mariadb(alone)) else {
                    return false
                }
                await database.close()
                return true
            }
        }
    }

    /// The cluster's addresses for a coordinator's configuration, with one node first.
    public func endpoint(first: Int) -> MariaDBEndpoint {
        var endpoint = MariaDBEndpoint(
            port: nodes[first].port, user: Self.user, password: MariaDBServer.password,
            database: "aibuild")
        endpoint.alternatives = others(first).map { ("127.0.0.1", $0.port) }
        return endpoint
    }

    private func others(_ first: Int) -> [Node] {
        nodes.indices.filter { $0 != first }.map { nodes[$0] }
    }

    /// Kills a node as a power cut would.
    public func kill(_ index: Int) throws {
        let text = try Files.read("\(nodes[index].folder)/pid", limitBytes: 64)
        guard let pid = Int32(String(decoding: text, as: UTF8.self).filter(\.isNumber)) else {
            throw Failure("node \(index) has no pid")
        }
        Glibc.kill(pid, SIGKILL)
    }

    /// Runs a statement as a node's root: `SET GLOBAL …`
    public func asRoot(_ index: Int, _ sql: String) async throws {
        let admin = try await root(nodes[index])
        try await admin.execute(sql)
        await admin.close()
    }

    private func start(_ node: Node, isFirst: Bool) async throws {
        let group = nodes.map { "127.0.0.1:\($0.groupPort)" }.joined(separator: ",")
        let settings = try DeployFolder.text("mariadb/galera.cnf")
        guard let own = settings.firstMatch(of: #/wsrep_provider_options = "([^"]+)"/#)?.1 else {
            throw Failure("\(Self.settings) has no wsrep_provider_options")
        }
        // Of one option given twice, the last counts.
        let options = [
            String(own), "gmcast.listen_addr=tcp://127.0.0.1:\(node.groupPort)",
            "ist.recv_addr=127.0.0.1:\(node.transferPort)",
            "ist.recv_bind=127.0.0.1:\(node.transferPort)", "gcache.size=16M",
            "pc.recovery=FALSE",
        ]
        let user = getuid() == 0 ? "--user=mysql" : ""
        try await shell(
            """
            setsid mariadbd --defaults-file=\(Self.settings) \(user) --datadir=\(node.folder)/data \
                --socket=\(node.folder)/socket --port=\(node.port) --bind-address=127.0.0.1 \
                --pid-file=\(node.folder)/pid --log-error=\(node.folder)/error.log \
                --innodb-buffer-pool-size=32M --innodb-log-file-size=16M \
                --performance-schema=OFF --innodb-flush-log-at-trx-commit=0 \
                --wsrep-cluster-address=gcomm://\(group) \
                --wsrep-node-address=127.0.0.1:\(node.groupPort) \
                --wsrep-sst-receive-address=127.0.0.1:\(node.snapshotPort) \
                '--wsrep-provider-options=\(options.joined(separator: ";"))' \
                \(isFirst ? "--wsrep-new-cluster" : "") >\(node.folder)/out 2>&1 </dev/null &
            """)
        try await eventually("a node of the cluster is synchronised", seconds: 90) {
            guard let database = try? await root(node) else { return false }
            let rows = try? await database.query("SHOW STATUS LIKE 'wsrep_local_state_comment'")
            await database.close()
            return try rows?.first?.text("Value") == "Synced"
        }
    }

    private func root(_ node: Node) async throws -> SQLDatabase {
        try await SQLDatabase.open(
            .mariadb(
                MariaDBEndpoint(
                    socket: "\(node.folder)/socket", user: "root", password: "",
                    database: "mysql")))
    }

    private func shell(_ command: String) async throws {
        let output = try await Command(
            ["/bin/sh", "-ec", command],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder.path],
            workFolder: folder.path
        ).run(timeoutSeconds: 300, outputLimitBytes: 1 << 20)
        guard output.status.isSuccess else {
            throw Failure("\(command): \(output.status) \(output.stderrText)")
        }
    }
}
