import AgentCore
import BuildProtocol
import Glibc
import LoopKit
import ProcessKit
import Support
import TestSupport

/// A real `aibuild-agent` with a state folder of its own. Everything it started goes with it.
final class TestAgent: Sendable {
    let folder: TemporaryFolder
    let state: StateFolder
    let configurationFile: String
    static let loop = Result { try EventLoop(name: "test") }

    /// The program, built beside the tests.
    static let program: String = {
        let tests = CommandLine.arguments.first ?? ""
        let folder = tests.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/aibuild-agent"
    }()

    /// - Parameters:
    ///   - settings: lines of `agent.yml`. Without a QEMU nothing is probed, which is quicker.
    ///   - depth: least length of the state folder's path.
    init(_ settings: String = "qemu_system: no-such-qemu\n", depth: Int = 0) throws {
        folder = try TemporaryFolder()
        let name = String(repeating: "s", count: max(1, depth - folder.path.utf8.count - 1))
        state = StateFolder("\(folder.path)/\(name)")
        configurationFile = folder.path + "/agent.yml"
        let text = "state_folder: \(state.root)\n" + settings
        try Files.replace(configurationFile, with: Array(text.utf8))
    }

    deinit {
        // The daemon, its supervisors and most of their children carry the state folder.
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
        Command.minimalEnvironment.merging([ProcessMark.stateFolder: state.root]) { _, own in own }
    }

    /// Starts the daemon and waits for its socket.
    ///
    /// - Parameter withoutGroups: as on a host whose control groups are not the agent's to use.
    ///   Needs root.
    func startDaemon(withoutGroups: Bool = false) async throws -> Daemon {
        let log = try Descriptor(folder.path + "/daemon.log", O_WRONLY | O_CREAT | O_APPEND)
        var words = [Self.program, "daemon", "--config", configurationFile]
        if withoutGroups {
            let script = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\""
            words = ["unshare", "--mount", "sh", "-c", script] + words
        }
        let child = try ChildProcess(
            Command(words, environment: environment, isNewSession: true),
            streams: .init(output: log.raw, error: log.raw))
        let daemon = Daemon(pid: child.pid, pidfd: child.intoDescriptor())
        let socket = state.socket
        try await eventually("the daemon listens") {
            (try? BlockingSocket.connect(socket)) != nil
        }
        return daemon
    }

    /// Runs a command of the program to its end.
    func run(
        _ words: [String], stdin: [UInt8] = [], sshCommand: String? = nil
    ) async throws -> Command.Output {
        var environment = environment
        environment["SSH_ORIGINAL_COMMAND"] = sshCommand
        return try await Command([Self.program] + words, environment: environment)
            .run(stdin: stdin, timeoutSeconds: 120, outputLimitBytes: 64 << 20)
    }

    func gate(_ command: String, stdin: [UInt8] = []) async throws -> Command.Output {
        try await run(
            ["gate", "--config", configurationFile], stdin: stdin, sshCommand: command)
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

    /// Processes of an attempt that are still there.
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
        Start(
            attempt: AttemptToken(
                high: .random(in: .min ... .max), low: .random(in: .min ... .max)),
            build: .init(id: "b1", guestOS: "g", number: 1, imageName: "gx86_64_20261121_1"),
            template: template,
            recipe: BuildRecipe(builder: builder, variables: variables, baseImage: baseImage),
            requirements: Requirements(memoryBytes: 1 << 20, diskBytes: 1 << 20), limits: limits)
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

/// A running daemon.
struct Daemon: ~Copyable, Sendable {
    let pid: Int32
    let pidfd: Descriptor

    /// Kills it as a crash would, and waits until it is gone.
    func crash() throws {
        kill(pid, SIGKILL)
        _ = try Wait.readable([pidfd.raw], timeoutMilliseconds: 60_000)
        Descendants.reap(pidfd)
    }
}
