import Glibc
public import ProcessKit
import Support

/// A real Docker engine on loopback with its own data, which authenticates clients by certificate.
public final class DockerHost: Sendable {
    public let port: UInt16
    public let certificates: TestCertificates
    /// Created when a test publishes ports: the engine has no network of its own.
    public let network: String
    private let server: ServerProcess

    /// The engine flushes each layer to a disk that other tests keep busy: a build of an image once
    /// took more than two minutes.
    private static let commandSeconds = 600

    private static let sharedStarts = (0..<3).map { _ in Task { try await start() } }

    /// One of three engines that all tests of this process share; each test uses its own names of
    /// containers and images.
    public static func shared(_ index: Int = 0) async throws -> DockerHost {
        try await sharedStarts[index].value
    }

    /// A separate engine, for a test that breaks it.
    public static func start() async throws -> DockerHost {
        for _ in 0..<20 {
            let folder = "/tmp/aib-docker\(getpid())-\(UInt32.random(in: .min ... .max))"
            try Files.makeFolder(folder, mode: 0o711)
            let certificates = try await TestCertificates(in: folder + "/certificates")
            let host = try DockerHost(folder, LoopbackPort.free(), certificates)
            if try await host.answers() { return host }
        }
        throw Failure("dockerd found no free port")
    }

    private init(_ folder: String, _ port: UInt16, _ certificates: TestCertificates) throws {
        self.port = port
        self.certificates = certificates
        network = "aib" + String(UInt32.random(in: .min ... .max), radix: 16)
        let own = certificates.folder
        try Files.replace("\(folder)/daemon.json", with: Array("{}".utf8))
        // Its bridges and firewall rules would affect the whole machine, so it has none. It leaves
        // its data folder bind-mounted and a network namespace behind.
        server = try ServerProcess(
            folder: folder,
            [
                "dockerd", "--config-file=\(folder)/daemon.json", "--data-root=\(folder)/root",
                "--exec-root=\(folder)/exec", "--pidfile=\(folder)/dockerd.pid",
                "--host=unix://\(folder)/socket", "--host=tcp://127.0.0.1:\(port)",
                "--tlsverify", "--tlscacert=\(own)/ca.pem", "--tlscert=\(own)/server.pem",
                "--tlskey=\(own)/server-key.pem", "--bridge=none", "--iptables=false",
                "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
                "--exec-opt", "native.cgroupdriver=cgroupfs",
            ],
            cleanup: """
                ip link del \(network) 2>/dev/null
                umount "$dir"/exec/netns/* "$dir"/root 2>/dev/null
                umount "$dir"/root/*/*/merged 2>/dev/null
                """)
    }

    private func answers() async throws -> Bool {
        try await eventually("dockerd's first answer: \(server.log)", seconds: 90) {
            if server.log.contains("address already in use") { return false }
            return try await docker(["version"]).status.isSuccess ? true : nil
        }
    }

    /// Runs the real `docker` on the engine's socket.
    public func docker(_ words: [String]) async throws -> Command.Output {
        try await Command(
            ["/usr/bin/docker", "--host", "unix://\(server.folder)/socket"] + words,
            environment: Command.minimalEnvironment.merging(["HOME": server.folder]) { $1 }
        ).run(timeoutSeconds: Self.commandSeconds, outputLimitBytes: 64 << 20)
    }

    /// The same, but throws on failure. - Returns: the output.
    @discardableResult
    public func run(_ words: [String]) async throws -> String {
        let output = try await docker(words)
        guard output.status.isSuccess else {
            throw Failure("docker \(words.joined(separator: " ")): \(output.stderrText)")
        }
        return output.stdoutText
    }

    public func makeNetwork() async throws {
        try await run([
            "network", "create", "--opt", "com.docker.network.bridge.name=\(network)", network,
        ])
    }

    /// Builds an image of busybox and pushes it to a registry.
    ///
    /// - Parameters:
    ///   - reference: `127.0.0.1:5000/app:1`
    ///   - lines: of the Dockerfile, after the files.
    public func push(_ reference: String, version: String, lines: [String]) async throws {
        let folder = try TemporaryFolder()
        try Files.makeFolder(folder.path + "/bin")
        let busybox = try Files.read("/bin/busybox", limitBytes: 16 << 20)
        try Files.replace(folder.path + "/bin/busybox", with: busybox, mode: 0o755)
        for name in ["sh", "sleep", "cat", "nc", "test"] {
            guard symlink("busybox", "\(folder.path)/bin/\(name)") == 0 else {
                throw SystemError.last("symlink")
            }
        }
        try Files.replace(folder.path + "/version", with: Array(version.utf8))
        // Makes the layer unique: a shared one could be removed with another image during this
        // build.
        let file = [
            "FROM scratch", "LABEL test=\(UInt64.random(in: .min ... .max))", "COPY bin /bin",
            "COPY version /version", "ENV PATH=/bin",
        ]
        let text = (file + lines).joined(separator: "\n") + "\n"
        try Files.replace(folder.path + "/Dockerfile", with: Array(text.utf8))
        try await run(["build", "--quiet", "--tag", reference, folder.path])
        try await run(["push", reference])
        // So that it is as on a host that has never pulled it.
        try await run(["rmi", reference])
    }

    /// A service that runs until it is stopped.
    public static let service =
        #"CMD ["/bin/sh","-c","echo started; trap exit TERM; while :; do sleep 1 & wait; done"]"#
}
