import AgentCore
import BuildProtocol
import Glibc
import LoopKit
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

/// A real `aibuild-agent` with its own state folder.
final class TestAgent: Sendable {
    let folder: TemporaryFolder
    let state: StateFolder
    let configurationFile: String
    private let variables: [String: String]
    private let running = Mutex<Daemon?>(nil)
    static let loop = Result { try EventLoop(name: "test") }

    /// The program, built beside the tests.
    static let program: String = {
        let tests = CommandLine.arguments.first ?? ""
        let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/aibuild-agent"
    }()

    static let withoutQEMU = "qemu_system: no-such-qemu\n"
    /// For tests whose base images come from a server on this machine.
    static let withMirror = withoutQEMU + "base_image_networks: [127.0.0.1]\n"
    /// For tests whose programs leave notes outside of their attempt.
    static let unisolated = withoutQEMU + "isolation: none\n"

    /// - Parameters:
    ///   - settings: lines of `agent.yml`. Without a QEMU nothing is probed, which is faster.
    ///   - depth: minimum length of the state folder's path.
    ///   - variables: of the agent's own environment.
    init(
        _ settings: String = TestAgent.withoutQEMU, depth: Int = 0,
        variables: [String: String] = [:]
    ) throws {
        self.variables = variables
        folder = try TemporaryFolder()
        let name = String(repeating: "s", count: max(1, depth - folder.path.utf8.count - 1))
        state = StateFolder("\(folder.path)/\(name)")
        configurationFile = folder.path + "/agent.yml"
        let text = "state_folder: \(state.root)\n" + settings
        try Files.replace(configurationFile, with: Array(text.utf8))
    }

    deinit { stop() }

    /// Kills the daemon, its supervisors and everything that they started.
    func stop() {
        // Most of them carry the state folder in their environment.
        for _ in 0..<1000 {
            let mine = ProcessTable.withVariable(ProcessMark.stateFolder) { $0 == state.root }
            if mine.isEmpty { break }
            for process in mine {
                ProcessTable.kill(process.pid, withVariable: ProcessMark.stateFolder, process.value)
            }
            poll(nil, 0, 5)
        }
        // The others are in the attempts' groups.
        let prefix = "aibuild-\(SHA256.hex(state.root.utf8).prefix(8))-"
        for folder in ControlGroup.siblings() where Files.name(of: folder).hasPrefix(prefix) {
            let group = ControlGroup(existing: folder)
            group.kill()
            group.remove()
        }
    }

    private var environment: [String: String] {
        Command.minimalEnvironment.merging(variables) { _, own in own }
            .merging([ProcessMark.stateFolder: state.root]) { _, own in own }
    }

    /// Runs `body` while the daemon serves, then stops the agent.
    ///
    /// - Parameters:
    ///   - withoutGroups: as on a host without writable control groups. Needs root.
    ///   - withoutNamespaces: as on a host whose kernel lets nobody make namespaces.
    ///   - network: a shell command that sets up a network namespace of the daemon's own. Needs
    ///     root.
    func serve(
        withoutGroups: Bool = false, withoutNamespaces: Bool = false, network: String? = nil,
        _ body: () async throws -> Void
    ) async throws {
        defer { stop() }
        try await startDaemon(
            withoutGroups: withoutGroups, withoutNamespaces: withoutNamespaces, network: network)
        try await body()
    }

    /// The process id of the running daemon.
    var daemonPID: Int32 { running.withLock { $0?.pid ?? -1 } }

    /// Kills the daemon as a crash would, and waits until it is gone.
    func crashDaemon() throws {
        guard let daemon = running.withLock(\.self) else { throw Failure("no daemon runs") }
        try daemon.kill()
    }

    /// Crashes the daemon and starts it again.
    func restartDaemon() async throws {
        try crashDaemon()
        try await startDaemon()
    }

    /// Starts the daemon and waits for its socket.
    func startDaemon(
        withoutGroups: Bool = false, withoutNamespaces: Bool = false, network: String? = nil
    ) async throws {
        let log = try Descriptor(folder.path + "/daemon.log", O_WRONLY | O_CREAT | O_APPEND)
        var command = [Self.program, "daemon", "--config", configurationFile]
        if withoutGroups {
            let script = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\""
            command = ["unshare", "--mount", "sh", "-c", script] + command
        }
        if withoutNamespaces {
            let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\""
            command =
                ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", script]
                + command
        }
        if let network {
            let script = network + "\nexec \"$0\" \"$@\""
            command = ["unshare", "--net", "sh", "-e", "-c", script] + command
        }
        let child = try ChildProcess(
            Command(command, environment: environment, isNewSession: true),
            streams: .init(output: log.raw, error: log.raw))
        let daemon = Daemon(pid: child.pid, pidfd: child.intoDescriptor())
        running.withLock { $0 = daemon }
        try await eventually("the daemon listens") {
            (try? BlockingSocket.connect(state.socket)) != nil
        }
    }

    /// Runs a command of the program to its end.
    func run(
        _ arguments: [String], stdin: [UInt8] = [], sshCommand: String? = nil
    ) async throws -> Command.Output {
        var environment = environment
        environment["SSH_ORIGINAL_COMMAND"] = sshCommand
        return try await Command([Self.program] + arguments, environment: environment)
            .run(stdin: stdin, timeoutSeconds: 300, outputLimitBytes: 64 << 20)
    }

    func gate(_ command: String, stdin: [UInt8] = []) async throws -> Command.Output {
        try await run(
            ["gate", "--config", configurationFile], stdin: stdin, sshCommand: command)
    }

    /// An attempt whose build is running.
    struct Running {
        var folder: AttemptFolder
        var supervisor: Int32
        var token: AttemptToken { folder.token }
    }

    /// Starts a build of a script and waits until its log contains a text.
    func begin(
        _ client: TestClient, _ script: String, until text: String = "ready"
    ) async throws -> Running {
        let start = start(try await deliver(script: script))
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: text)
        let folder = state.attempt(start.attempt)
        return Running(folder: folder, supervisor: try #require(FileLock.holder(folder.lock)))
    }

    /// Delivers a template as the coordinator does.
    func deliver(_ archive: [UInt8]) async throws -> TemplateArchive {
        let digest = SHA256.hex(archive)
        let answer = try await gate("receive \(digest) \(archive.count)", stdin: archive)
        guard answer.stdoutText == "\(ProtocolVersion.magicLine)\n{\"ok\":true}\n" else {
            throw Failure("the gate answered \(answer.stdoutText) \(answer.stderrText)")
        }
        return TemplateArchive(sha256: digest, sizeBytes: Int64(archive.count))
    }

    /// Delivers a template of one shell script, `build`.
    func deliver(script: String) async throws -> TemplateArchive {
        var tar = TarFile()
        tar.add("build", "#!/bin/sh\n" + script, mode: 0o755)
        return try await deliver(tar.archive)
    }

    func connect() async throws -> TestClient {
        let client = try await TestClient(state.socket)
        _ = try await client.greet()
        return client
    }

    /// Processes of an attempt that are still alive.
    func processes(_ token: AttemptToken) -> [Int32] {
        ProcessTable.withVariable(ProcessMark.attempt) { $0 == token.text }.map(\.pid)
    }

    func log(_ token: AttemptToken) throws -> [UInt8] {
        try Files.read(state.attempt(token).log, limitBytes: 1 << 30)
    }

    func start(
        _ template: TemplateArchive, _ builder: Builder = .command(["./build"]),
        variables: [String: String] = [:], baseImage: BaseImage? = nil,
        limits: AttemptLimits = AttemptLimits(totalSeconds: 300, silenceSeconds: 200)
    ) -> Start {
        var recipe = BuildRecipe(builder: builder, variables: variables, baseImage: baseImage)
        // Most tests are of something else.
        recipe.mayLeaveNothing = true
        return Start(
            attempt: AttemptToken(
                high: .random(in: .min ... .max), low: .random(in: .min ... .max)),
            build: .init(id: "b1", guestOS: "g", number: 1, imageName: "gx86_64_20261121_1"),
            template: template,
            recipe: recipe, requirements: Requirements(memoryBytes: 1 << 20, diskBytes: 1 << 20),
            limits: limits)
    }

    /// A test of an image of this machine, with a template that holds these files.
    func start(
        _ plan: TestPlan, image: String, files: [String: String] = [:]
    ) async throws -> Start {
        var tar = TarFile()
        tar.add("aibuild.yml", "", mode: 0o644)
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            tar.add(name, text, mode: 0o755)
        }
        var start = start(
            try await deliver(tar.archive), .test(plan),
            baseImage: BaseImage(url: "file://" + image, sha256: try SHA256.file(image)),
            limits: AttemptLimits(totalSeconds: 900, silenceSeconds: 900))
        start.requirements.memoryBytes = 512 << 20
        return start
    }
}

/// Runs `body` with an agent whose daemon serves; everything in it is killed afterwards.
///
/// - Parameters: as of `TestAgent`.
func withAgent(
    _ settings: String = TestAgent.withoutQEMU, depth: Int = 0,
    _ body: (TestAgent) async throws -> Void
) async throws {
    let agent = try TestAgent(settings, depth: depth)
    try await agent.serve { try await body(agent) }
}

/// As `withAgent`, with the session of a coordinator that has said hello.
func withAgent(
    _ settings: String = TestAgent.withoutQEMU, depth: Int = 0,
    _ body: (TestAgent, TestClient) async throws -> Void
) async throws {
    try await withAgent(settings, depth: depth) { agent in
        try await body(agent, try await agent.connect())
    }
}

/// A running daemon.
private final class Daemon: Sendable {
    let pid: Int32
    private let pidfd: Descriptor

    init(pid: Int32, pidfd: consuming Descriptor) {
        self.pid = pid
        self.pidfd = pidfd
    }

    func kill() throws {
        Glibc.kill(pid, SIGKILL)
        _ = try Wait.readable([pidfd.raw], timeoutMilliseconds: 60_000)
        Descendants.reap(pidfd)
    }
}
