import Glibc
import HTTPClientKit
import ProcessKit
public import SQLKit
import SSHKit
import Support
import Synchronization

/// Runs `body` with a new farm, which is killed and removed afterwards, also if `body` throws.
public func withFarm(
    _ setup: Farm.Setup = Farm.Setup(), _ body: (Farm) async throws -> Void
) async throws {
    await FarmSlots.shared.take()
    do { try await Farm.run(setup, body) } catch {
        await FarmSlots.shared.give()
        throw error
    }
    await FarmSlots.shared.give()
}

/// A real farm on loopback for one test: hosts with sshd and agent, one coordinator, its API.
public final class Farm: Sendable {
    public struct Setup: Sendable {
        public var hosts = 1
        /// Lines for every `agent.yml`.
        public var agentLines = ["slots: 2", "vcpus: 8", "memory_bytes: 16GiB"]
        /// Lines for one host's `agent.yml`.
        public var extraAgentLines: [String: [String]] = [:]
        /// A shell script that is the forced command of the coordinator's key in place of the gate;
        /// its first argument is the agent program, its second the agent's configuration.
        public var gateScript: String?
        /// Hosts whose agent runs from the start; `nil`: all.
        public var daemons: Set<String>?
        public var registersHosts = true
        public var startsCoordinator = true
        public var hostLostSeconds = 600
        public var queuedBuilds = 1000
        /// The API's token; `nil`: the coordinator creates one.
        public var token: String?
        /// Of the coordinator's certificate; with it, the API is reached by https.
        public var authorities: String?
        /// Entries of `api:` besides those of every farm.
        public var apiKeys: [String] = []
        public var database: MariaDBEndpoint?
        /// Lines for `coordinator.yml`, at its end.
        public var coordinatorLines: [String] = []
        /// The web root is a separate file system of this size.
        public var webRootTmpfs: String?
        /// The log folder and each host's folder are, too.
        public var logsTmpfs, hostTmpfs: String?
        /// Each host is behind a network that can fail: `FarmHost.network`.
        public var hasNetworks = false
        /// The coordinator and each host's daemon have a clock that can jump.
        public var hasClocks = false
        /// Lines for every host's `sshd_config`.
        public var sshdLines: [String] = []

        /// The standard setup, changed by `configure`.
        public init(_ configure: (inout Setup) -> Void = { _ in }) { configure(&self) }

        /// For tests of the coordinator alone.
        public static let withoutHosts = Setup { $0.hosts = 0 }
    }

    public let folder: String
    /// What builds can write besides their own folders.
    public var shared: String { folder + "/shared" }
    public let hosts: [FarmHost]
    public let setup: Setup
    public let webRoot: String
    public let stateFolder: String
    public let configPath: String
    /// The coordinator's clock, if the setup has clocks.
    public let clock: FarmClock?
    public var logsFolder: String { "\(stateFolder)/logs" }
    private let folderKeeper: FarmFolder
    private let current = Mutex<(program: FarmProgram, port: UInt16)?>(nil)

    fileprivate static func run(
        _ setup: Setup, _ body: (Farm) async throws -> Void
    ) async throws {
        let farm = try await Farm(setup)
        do {
            try await farm.start()
            try await body(farm)
        } catch {
            let report = farm.report
            farm.stop()
            throw Failure("\(error)\n\(report)")
        }
        farm.stop()
    }

    private init(_ setup: Setup) async throws {
        self.setup = setup
        folderKeeper = try FarmFolder()
        folder = folderKeeper.path
        webRoot = "\(folder)/www"
        stateFolder = "\(folder)/coordinator"
        configPath = "\(folder)/coordinator.yml"
        try Files.makeFolder(webRoot)
        try Files.makeFolder("\(folder)/templates")
        let key = try await LoneHost.makeKey("\(folder)/id_ed25519")
        var hosts: [FarmHost] = []
        try Files.makeFolder("\(folder)/shared", mode: 0o777)
        for index in 0..<setup.hosts {
            let name = "kvm\(index)"
            hosts.append(
                try await FarmHost(
                    name, folder: folder, key: key,
                    lines: setup.agentLines + (setup.extraAgentLines[name] ?? []),
                    gateScript: setup.gateScript, hasNetwork: setup.hasNetworks,
                    hasClock: setup.hasClocks, sshd: setup.sshdLines))
        }
        self.hosts = hosts
        clock = setup.hasClocks ? try FarmClock("\(folder)/coordinator.clock") : nil
    }

    private func start() async throws {
        try await mount(webRoot, setup.webRootTmpfs)
        try await mount(logsFolder, setup.logsTmpfs)
        for host in hosts { try await mount(host.stateFolder, setup.hostTmpfs) }
        for host in hosts where setup.daemons?.contains(host.name) ?? true {
            try host.startDaemon()
        }
        guard setup.startsCoordinator else { return }
        try await startCoordinator()
        guard setup.registersHosts else { return }
        for host in hosts { try await register(host) }
        for host in hosts where setup.daemons?.contains(host.name) ?? true {
            _ = try await api.host(host.name, is: "ready")
        }
    }

    private func mount(_ folder: String, _ size: String?) async throws {
        guard let size else { return }
        try Files.makeFolder(folder)
        try await shell("mount -t tmpfs -o size=\(size) tmpfs \(folder)")
    }

    /// Shrinks the tmpfs on `folder` to a few free pages, so that it becomes full in the middle of
    /// a file.
    public func fillDisk(_ folder: String) async throws {
        // The kernel accepts no size below what is in use, and the farm continues to write.
        var tries = 0
        while true {
            let room = try Files.room(folder)
            let used = room.total - room.free
            do {
                try await shell("mount -o remount,size=\(used + 32_768) \(folder)")
                return
            } catch {
                tries += 1
                guard tries < 20 else { throw error }
            }
        }
    }

    public func emptyDisk(_ folder: String, size: String) async throws {
        try await shell("mount -o remount,size=\(size) \(folder)")
    }

    private func stop() {
        for host in hosts { host.network?.set(.cut) }
        current.withLock { $0?.program.kill() }
        for host in hosts { host.killDaemon() }
        folderKeeper.sweep()
    }

    /// The output of every part, for a test that failed.
    public var report: String {
        var text = "--- coordinator\n\(coordinator?.log.suffix(6000) ?? "")"
        for host in hosts {
            text += "\n--- \(host.name)\n\(host.agentLog.suffix(3000))"
            text += "\n--- sshd of \(host.name)\n\(host.ssh.log.suffix(1500))"
        }
        return text
    }

    // MARK: The coordinator

    public var coordinator: FarmProgram? { current.withLock { $0?.program } }
    public var port: UInt16 { current.withLock { $0?.port ?? 0 } }
    public var api: FarmClient {
        let scheme = setup.authorities == nil ? "http" : "https"
        return FarmClient(
            base: "\(scheme)://127.0.0.1:\(port)", token: token, authorities: setup.authorities)
    }

    /// The API's token, once the coordinator has started.
    public var token: String? {
        if let token = setup.token { return token }
        let bytes = try? Files.read("\(stateFolder)/api.token", limitBytes: 4096)
        return bytes.map { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    /// From now on `api`, `stop` and `start` use this coordinator.
    public func use(_ program: FarmProgram, port: UInt16) {
        current.withLock { $0 = (program, port) }
    }

    /// Stops it as a service manager would.
    public func stopCoordinator() async throws {
        coordinator?.signal(SIGTERM)
        let status = try await coordinator?.exit()
        guard status == .exited(0) else {
            throw Failure("the coordinator ended with \(String(describing: status))")
        }
    }

    /// - Parameter keepingPort: as after a crash, so that clients can reconnect.
    public func startCoordinator(
        keepingPort: Bool = false, withinSeconds seconds: Int64 = 90
    ) async throws {
        for _ in 0..<10 {
            let port = keepingPort && self.port != 0 ? self.port : try LoopbackPort.free()
            try writeConfiguration(port: port)
            let program = try FarmProgram(
                "aibuild-coordinator", ["--config", configPath],
                logPath: "\(folder)/coordinator.log", clock: clock)
            current.withLock { $0 = (program, port) }
            let api = self.api
            let isUp: Bool = try await eventually(
                "the coordinator serves", seconds: seconds, everyMilliseconds: 20
            ) {
                if program.status != nil { return false }
                return (try? await api.get("/readyz").status) == 200 ? true : nil
            }
            if isUp { return }
            // Another program took the port first.
            guard program.log.contains("\(port)") && !keepingPort else { break }
        }
        throw Failure("the coordinator did not start: \(coordinator?.log ?? "")")
    }

    public func writeConfiguration(port: UInt16) throws {
        var lines = [
            "state_folder: \(stateFolder)", "web_root: \(webRoot)",
            "ssh: {key_file: \(folder)/id_ed25519}",
            "limits: {host_lost: \(setup.hostLostSeconds)s, queued_builds: \(setup.queuedBuilds)}",
        ]
        var keys = ["listen: 127.0.0.1", "port: \(port)"] + setup.apiKeys
        if let token = setup.token {
            try Files.replace("\(folder)/token", with: token.utf8, mode: 0o600)
            keys.append("token_file: \(folder)/token")
        }
        lines.append("api: {\(keys.joined(separator: ", "))}")
        if let database = setup.database {
            try Files.replace(passwordFile, with: MariaDBServer.password.utf8, mode: 0o600)
            lines.append(line(for: database))
        }
        lines += setup.coordinatorLines
        try Files.replace(configPath, with: (lines.joined(separator: "\n") + "\n").utf8)
    }

    private var passwordFile: String { "\(folder)/password" }

    /// The database as given in `coordinator.yml`.
    public func line(for database: MariaDBEndpoint) -> String {
        let others = database.alternatives.map { "{host: \($0.host), port: \($0.port)}" }
        let tls = database.tls.map { "tls: {ca_file: \($0.authorities)}, " } ?? ""
        return "database: {engine: mariadb, \(tls)port: \(database.port), user: \(database.user), "
            + "password_file: \(passwordFile), database: \(database.database), "
            + "other_nodes: [\(others.joined(separator: ", "))]}"
    }

    public func register(_ host: FarmHost) async throws {
        let answer = try await api.addHost(
            name: host.name, address: host.address, hostKey: try host.ssh.hostKey().description)
        guard answer.status == 201 else { throw Failure(FarmClient.text(answer)) }
    }

    // MARK: Templates

    /// Writes a template repository and registers the guest OS of the same name.
    public func template(
        _ name: String, _ yaml: String, files: [String: String] = [:]
    ) async throws {
        try await register(name, writeTemplate(name, yaml, files: files))
    }

    private func register(_ name: String, _ folder: String) async throws {
        let answer = try await api.register(guestOS: name, folder: folder)
        guard answer.status == 201 else { throw Failure(FarmClient.text(answer)) }
    }

    @discardableResult
    public func writeTemplate(
        _ name: String, _ yaml: String, files: [String: String] = [:]
    ) throws -> String {
        let folder = "\(self.folder)/templates/\(name)"
        try Files.makeFolder(folder)
        try Files.replace("\(folder)/aibuild.yml", with: yaml.utf8)
        for (file, text) in files {
            try Files.makeFolder(Files.folder(of: "\(folder)/\(file)"))
            try Files.replace("\(folder)/\(file)", with: text.utf8, mode: 0o755)
        }
        return folder
    }

    /// A guest OS whose build is this shell script. It leaves images in `$AIBUILD_OUTPUT`.
    public func script(
        _ name: String, _ script: String, yaml: String = "", files: [String: String] = [:]
    ) async throws {
        try await register(name, writeScript(name, script, yaml: yaml, files: files))
    }

    /// Only its template.
    public func writeScript(
        _ name: String, _ script: String, yaml: String = "", files: [String: String] = [:]
    ) throws -> String {
        // Small, so that many fit on a host.
        let needs =
            yaml.contains("requirements:") ? "" : "requirements: {memory: 64MiB, disk: 16MiB}\n"
        // Most scripts of tests leave nothing.
        let image = yaml.contains("image:") ? "" : "image: none\n"
        var files = files
        files["build.sh"] = "#!/bin/sh\nset -eu\n" + script + "\n"
        return try writeTemplate(
            name, "builder: command\ncommand: [./build.sh]\n" + needs + image + yaml, files: files)
    }

    /// Runs a shell command.
    @discardableResult
    public func shell(_ command: String, timeoutSeconds: Int = 120) async throws -> String {
        let output = try await Command(
            ["/bin/sh", "-ec", command], environment: Command.minimalEnvironment,
            workFolder: folder
        ).run(timeoutSeconds: timeoutSeconds, outputLimitBytes: 16 << 20)
        guard output.status.isSuccess else {
            throw Failure("\(command): \(output.status) \(output.stderrText)")
        }
        return output.stdoutText
    }

    /// Processes of builds: all processes of this farm except daemons, supervisors and gates.
    public func buildProcesses() -> [Int32] {
        let own = Set(hosts.compactMap { $0.daemon?.pid } + [coordinator?.pid].compactMap(\.self))
        return folderKeeper.processes().filter { pid in
            guard !own.contains(pid) else { return false }
            let bytes = (try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 20)) ?? []
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return !words.contains("supervise") && !words.contains("gate")
        }
    }
}
