import Glibc
import ProcessKit
public import SSHKit
import Support
import Synchronization

/// A real sshd on loopback with its own keys and configuration. It ends with this process, however
/// that ends.
public final class SSHServer: Sendable {
    public struct Configuration: Sendable {
        /// Types for `ssh-keygen -t`.
        public var hostKeyTypes = ["ed25519", "ecdsa"]
        public var clientKeyTypes = ["ed25519"]
        /// Lines for sshd_config; they override the defaults.
        public var lines: [String] = []
        /// Options before each key in authorized_keys: `restrict,command="…"`.
        public var authorizedKeyOptions = ""

        public init() {}
    }

    public let port: UInt16
    /// The folder with all of the server's files; tests may add their own.
    public let folder: String
    private let temporary: TemporaryFolder
    private let current: Mutex<SSHServerProcess>

    /// Starts the server; it stops when the value is released.
    public static func start(
        _ configuration: Configuration = Configuration()
    ) async throws -> SSHServer {
        let temporary = try TemporaryFolder()
        let folder = temporary.path
        for type in configuration.hostKeyTypes { try await makeKey("\(folder)/host_\(type)", type) }
        for type in configuration.clientKeyTypes { try await makeKey("\(folder)/id_\(type)", type) }
        try authorize(configuration, folder)
        // sshd needs it when run as root, and it does not survive a reboot.
        if getuid() == 0 { try Files.makeFolder("/run/sshd") }
        for _ in 0..<20 {
            let port = try LoopbackPort.free()
            try writeConfiguration(configuration, folder, port)
            let server = try SSHServer(port, temporary)
            if try await server.isListening() { return server }
            // Another program took the port first.
        }
        throw Failure("sshd found no free port: \(log(folder))")
    }

    private init(_ port: UInt16, _ temporary: TemporaryFolder) throws {
        self.port = port
        self.temporary = temporary
        folder = temporary.path
        current = Mutex(try SSHServerProcess(folder: folder))
    }

    deinit {
        killSessions()
        current.withLock { $0.kill() }
    }

    // MARK: Access

    public var endpoint: SSHEndpoint {
        let entry = getpwuid(getuid())
        let user = entry.map { String(cString: $0.pointee.pw_name) } ?? "root"
        return SSHEndpoint(user: user, host: "127.0.0.1", port: port)
    }

    /// - Parameter type: as in `Configuration`.
    public func hostKey(_ type: String = "ed25519") throws -> SSHHostKey {
        try SSHHostKey(Self.text("\(folder)/host_\(type).pub"))
    }

    public func keyFile(_ type: String = "ed25519") -> String { "\(folder)/id_\(type)" }

    public func identity(_ type: String = "ed25519") -> SSHIdentity {
        .keyFile(path: keyFile(type))
    }

    /// sshd's own log.
    public var log: String { Self.log(folder) }

    // MARK: Faults

    /// The processes that serve connections.
    public var sessions: [Int32] {
        guard let text = try? Self.text("\(folder)/sshd.pid"),
            let listener = Int32(text.filter(\.isNumber))
        else { return [] }
        let all = ProcessTable.all()
        var found: [Int32] = []
        var parents: Set<Int32> = [listener]
        while true {
            let children = all.filter { parents.contains($0.parent) && !found.contains($0.pid) }
            if children.isEmpty { return found }
            found += children.map(\.pid)
            parents = Set(children.map(\.pid))
        }
    }

    /// Kills the processes that serve connections, and their commands, as a crash would.
    public func killSessions() {
        for pid in sessions { kill(pid, SIGKILL) }
    }

    /// Stops the processes that serve connections, like a machine that hangs: the kernel still
    /// accepts bytes. Their commands continue: one that is stopped while it forks could not be
    /// found again.
    public func freezeSessions() {
        for pid in sessions where (try? Self.text("/proc/\(pid)/comm"))?.hasPrefix("sshd") == true {
            kill(pid, SIGSTOP)
        }
    }

    /// Resumes all of them: a process that was still sshd when it was checked may have been stopped
    /// as the command that it became.
    public func thawSessions() {
        for pid in sessions { kill(pid, SIGCONT) }
    }

    /// Crashes the server as a power failure would: no process of it is left, and nothing listens.
    public func crash() {
        let sessions = sessions
        current.withLock { $0.kill() }
        for pid in sessions { kill(pid, SIGKILL) }
    }

    /// Listens again on the same port, after a crash.
    public func restart() async throws {
        let folder = folder
        try current.withLock { $0 = try SSHServerProcess(folder: folder) }
        guard try await isListening() else { throw Failure("port \(port) is taken: \(log)") }
    }

    /// Replaces a host key. The server uses it after `restart`.
    public func rotateHostKey(_ type: String = "ed25519") async throws {
        for suffix in ["", ".pub"] { try Files.remove("\(folder)/host_\(type)\(suffix)") }
        try await Self.makeKey("\(folder)/host_\(type)", type)
    }

    /// Bytes sent to the server that it has not received, over all connections.
    public var untakenBytes: Int {
        let own = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - own.count) + own
        let lines = ((try? Self.text("/proc/net/tcp")) ?? "").split(separator: "\n").dropFirst()
        return lines.reduce(0) { sum, line in
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[2].hasSuffix(suffix),
                let queue = fields[4].split(separator: ":").first
            else { return sum }
            return sum + (Int(queue, radix: 16) ?? 0)
        }
    }

    // MARK: Parts

    /// Creates `path` and `path.pub`.
    public static func makeKey(
        _ path: String, _ type: String, passphrase: String = ""
    ) async throws {
        let output = try await Command(
            ["ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "test", "-f", path],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        guard output.status == .exited(0) else { throw Failure(output.stderrText) }
    }

    private static func authorize(_ configuration: Configuration, _ folder: String) throws {
        let options = configuration.authorizedKeyOptions
        let lines = try configuration.clientKeyTypes.map { type in
            (options.isEmpty ? "" : options + " ") + (try text("\(folder)/id_\(type).pub"))
        }
        try Files.replace("\(folder)/authorized_keys", with: lines.joined().utf8, mode: 0o600)
    }

    private static func writeConfiguration(
        _ configuration: Configuration, _ folder: String, _ port: UInt16
    ) throws {
        let hostKeys = configuration.hostKeyTypes.map { "HostKey \(folder)/host_\($0)" }
        // sshd uses the first line of a keyword, but the last one of MaxStartups.
        let lines =
            ["MaxStartups 100"] + configuration.lines + [
                "Port \(port)", "ListenAddress 127.0.0.1", "PidFile \(folder)/sshd.pid",
                "AuthorizedKeysFile \(folder)/authorized_keys", "StrictModes no",
                "PasswordAuthentication no", "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password", "UsePAM no", "UseDNS no", "PrintMotd no",
                // bash reads .bashrc under sshd unless it is not a top-level shell: the .bashrc of
                // the user who runs the tests must have no effect.
                "SetEnv SHLVL=1",
                "LogLevel VERBOSE", "Subsystem sftp internal-sftp",
            ] + hostKeys
        let text = lines.joined(separator: "\n") + "\n"
        try Files.replace("\(folder)/sshd_config", with: text.utf8)
    }

    /// False: the port was taken.
    private func isListening() async throws -> Bool {
        let deadline = Clocks.monotonicMilliseconds() + 90_000
        while true {
            if log.contains("Server listening on") { return true }
            if log.contains("Address already in use") { return false }
            guard Clocks.monotonicMilliseconds() < deadline, !current.withLock(\.hasEnded) else {
                throw Failure("sshd did not start: \(log)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static func text(_ path: String) throws(SystemError) -> String {
        String(decoding: try Files.read(path, limitBytes: 1 << 20), as: UTF8.self)
    }

    private static func log(_ folder: String) -> String {
        (try? text("\(folder)/log")) ?? ""
    }
}
