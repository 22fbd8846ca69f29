import Glibc
import ProcessKit
import Support

/// A real container registry on loopback, for one user or for everybody.
public final class RegistryServer: Sendable {
    public let port: UInt16
    /// Where it stores what was pushed.
    public let data: String
    private let scheme: String
    private let server: ServerProcess

    public static let user = "robot"
    public static let password = "correct-horse"

    private static let sharedStart = Task { try await start() }

    /// One without a password, shared by all tests of this process; each test uses its own
    /// repositories.
    public static func shared() async throws -> RegistryServer { try await sharedStart.value }

    /// - Parameters:
    ///   - isOpen: without a password.
    /// - isReadOnly: everybody can pull and nobody can push.
    /// - dataBytes: the size of its own disk, which can become full.
    /// - certificates: it uses TLS with their `server.pem`.
    public static func start(
        isOpen: Bool = true, isReadOnly: Bool = false, dataBytes: Int? = nil,
        certificates: TestCertificates? = nil
    ) async throws -> RegistryServer {
        for _ in 0..<20 {
            let folder = try await makeFolder(isOpen, dataBytes)
            let registry = try RegistryServer(
                folder, LoopbackPort.free(), isOpen: isOpen, isReadOnly: isReadOnly, certificates)
            if try await registry.answers() { return registry }
        }
        throw Failure("docker-registry found no free port")
    }

    private static func makeFolder(_ isOpen: Bool, _ dataBytes: Int?) async throws -> String {
        let folder = "/tmp/aib-registry\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.makeFolder(folder + "/data", mode: 0o700)
        if !isOpen {
            let line = try await Command(
                ["htpasswd", "-niB", user], environment: Command.minimalEnvironment
            ).run(stdin: Array(password.utf8), timeoutSeconds: 300)
            try Files.replace(folder + "/htpasswd", with: Array(line.stdoutText.utf8))
        }
        if let dataBytes {
            let output = try await Command(
                ["mount", "-t", "tmpfs", "-o", "size=\(dataBytes)", "test", folder + "/data"],
                environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            guard output.status.isSuccess else { throw Failure(output.stderrText) }
        }
        return folder
    }

    private init(
        _ folder: String, _ port: UInt16, isOpen: Bool, isReadOnly: Bool,
        _ certificates: TestCertificates?
    ) throws {
        self.port = port
        scheme = certificates == nil ? "http" : "https"
        let tls = certificates.map { own in
            ", tls: {certificate: \(own.folder)/server.pem, key: \(own.folder)/server-key.pem}"
        }
        data = folder + "/data"
        let configuration = """
            version: 0.1
            log: {level: info}
            storage:
              delete: {enabled: true}
              filesystem: {rootdirectory: \(folder)/data}
              maintenance: {readonly: {enabled: \(isReadOnly)}}
            http: {addr: "127.0.0.1:\(port)"\(tls ?? "")}
            \(isOpen ? "" : "auth: {htpasswd: {realm: test, path: \(folder)/htpasswd}}")

            """
        try Files.replace("\(folder)/config.yml", with: Array(configuration.utf8))
        server = try ServerProcess(
            folder: folder, ["docker-registry", "serve", "\(folder)/config.yml"],
            cleanup: "umount \"$dir\"/data 2>/dev/null")
    }

    private func answers() async throws -> Bool {
        try await eventually("docker-registry's first answer: \(server.log)", seconds: 60) {
            if server.log.contains("address already in use") { return false }
            return server.log.contains("listening on") ? true : nil
        }
    }

    public var url: String { "\(scheme)://127.0.0.1:\(port)" }
    public var host: String { "127.0.0.1:\(port)" }
    public var log: String { server.log }
    public func freeze() throws { try server.freeze() }
    public func thaw() throws { try server.thaw() }
}
