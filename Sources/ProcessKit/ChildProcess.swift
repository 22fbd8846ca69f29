import CLinux
import Glibc
public import Support

/// A started child. It is not killed when this value is destroyed: that is up to the caller.
public struct ChildProcess: ~Copyable, Sendable {
    /// A child's standard descriptors. -1 is `/dev/null`. They stay open in the parent, which
    /// closes them.
    public struct Streams: Sendable {
        public var input: Int32
        public var output: Int32
        public var error: Int32

        public init(input: Int32 = -1, output: Int32 = -1, error: Int32 = -1) {
            self.input = input
            self.output = output
            self.error = error
        }
    }

    public let pid: Int32
    /// Readable once the child has exited; for poll or an event loop.
    public let pidfd: Descriptor

    /// Starts a program with default signal handling, in its own process group, with only the
    /// descriptors in `streams` and `passed` (which become 3, 4, …).
    ///
    /// Does not block, but forking takes longer the more memory the parent has.
    /// - Parameter group: joined before the program is executed.
    /// - Throws: `SystemError` that names the program, also if it cannot be executed.
    public init(
        _ command: Command, streams: Streams = Streams(), passed: [Int32] = [],
        group: ControlGroup? = nil
    ) throws(SystemError) {
        let program = command.arguments.first ?? ""
        let searchPath = command.environment["PATH"] ?? ""
        guard let path = Self.locate(program, searchPath, command.workFolder) else {
            throw SystemError(errno: ENOENT, "cannot run \(program)")
        }
        var groupProcesses: Int32 = -1
        if let procs = try group?.openProcesses() { groupProcesses = procs }
        defer { if groupProcesses >= 0 { close(groupProcesses) } }

        var pidfd: Int32 = -1
        let environment = command.environment.map { "\($0.key)=\($0.value)" }.sorted()
        let strings = [path] + command.arguments + environment
        if strings.contains(where: { $0.utf8.contains(0) }) {
            throw SystemError(
                errno: EINVAL, "cannot run \(program): an argument or variable contains a NUL byte")
        }
        let pid = CStrings.withVector(command.arguments) { argv in
            CStrings.withVector(environment) { envp in
                path.withCString { path in
                    CStrings.withOptional(command.workFolder) { folder in
                        passed.withUnsafeBufferPointer { passed in
                            var request = aib_spawn_request()
                            request.path = path
                            request.argv = argv
                            request.envp = envp
                            request.cwd = folder
                            request.stdin_fd = streams.input
                            request.stdout_fd = streams.output
                            request.stderr_fd = streams.error
                            request.passed_fds = passed.baseAddress
                            request.passed_count = Int32(passed.count)
                            request.cgroup_procs_fd = groupProcesses
                            request.new_session = command.isNewSession ? 1 : 0
                            return aib_spawn(&request, &pidfd)
                        }
                    }
                }
            }
        }
        self.pid = try checked(pid, "cannot run \(program)")
        self.pidfd = Descriptor(owning: pidfd)
    }

    /// How the child ended, or `nil` while it runs. Does not wait. After the first non-`nil` result
    /// the child is gone from the process table; do not call this again.
    public func reap() throws(SystemError) -> ExitStatus? {
        var code: Int32 = 0
        var signal: Int32 = 0
        let done = try checked(
            aib_pidfd_reap(pidfd.raw, &code, &signal), "cannot wait for process \(pid)")
        guard done == 1 else { return nil }
        return signal == 0 ? .exited(code) : .killed(signal: signal)
    }

    /// Gives up everything but the pidfd, for callers that only wait for the child.
    public consuming func intoDescriptor() -> Descriptor { pidfd }

    /// Signals the child's process group. Processes that left the group are not reached; use
    /// `ControlGroup` and `Descendants` for those.
    public func signalGroup(_ signal: Int32) {
        _ = aib_group_signal(pid, signal)
    }

    /// A relative path of a program is relative to the child's folder.
    private static func locate(_ program: String, _ path: String, _ folder: String?) -> String? {
        if program.contains("/"), !program.hasPrefix("/"), let folder {
            return Command.find("\(folder)/\(program)", path: path)
        }
        return Command.find(program, path: path)
    }
}
