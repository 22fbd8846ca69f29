import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// The blocking operations on attempts: folders, files, starting supervisors. Called on threads of
/// their own.
struct AttemptFiles: Sendable {
    let state: StateFolder
    /// This program, for supervisors: the running one, even after an upgrade replaced its file.
    let program = "/proc/self/exe"
    /// Installed next to this program.
    let fetchProgram = OwnProgram.fetch

    /// Makes the folder durable, then starts the supervisor, which inherits the attempt's lock.
    /// - Returns: a handle on the supervisor.
    func start(_ order: AttemptOrder) throws -> ProcessHandle {
        let token = order.start.attempt
        let folder = order.isCheck == true ? state.check(token) : state.attempt(token)
        try Files.makeFolder(folder.control, mode: 0o700)
        var order = order
        try DeliveredSecrets.keep(&order, in: folder)
        // Nothing makes sockets while a template is only looked at.
        if order.isolation == nil, order.isCheck != true {
            order.shortName = try ShortFolders(state: state).make(for: folder)
        }
        try Files.replace(folder.start, with: StateFile.encode(order), mode: 0o600)
        try Files.syncFolder(Files.folder(of: folder.root))
        return try startSupervisor(folder)
    }

    /// Whether it is the token of a template that a gate looks at now.
    func isChecked(_ token: AttemptToken) -> Bool {
        Files.exists(state.check(token).root) && FileLock.isHeld(state.checksLock)
    }

    /// The supervisor inherits the lock, so that it is held for as long as the attempt runs.
    private func startSupervisor(_ folder: AttemptFolder) throws -> ProcessHandle {
        guard let lock = try FileLock.tryTake(folder.lock) else {
            throw Failure("\(folder.lock) is held by another process")
        }
        var environment = Command.minimalEnvironment
        environment[ProcessMark.attempt] = folder.token.text
        environment[ProcessMark.stateFolder] = state.root
        for (name, value) in LogFormat.inherited { environment[name] = value }
        let command = Command(
            [program, "supervise", folder.root, "--" + SupervisorProgram.lockOption, "3"],
            environment: environment, workFolder: "/", isNewSession: true)
        // Its messages go where the daemon's go.
        let child = try ChildProcess(
            command, streams: .init(output: 2, error: 2), passed: [lock.descriptor.raw])
        return ProcessHandle(child)
    }

    /// A handle on the supervisor that an earlier daemon started, or `nil` if it has exited. Blocks
    /// for a moment if the supervisor has only just been started.
    func adopt(_ folder: AttemptFolder) -> ProcessHandle? {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.adoptMilliseconds
        while FileLock.isHeld(folder.lock) {
            if let pid = FileLock.holder(folder.lock), let pidfd = ProcessTable.open(pid),
                // The process id could have been reused before it was opened, but not while the
                // lock is held.
                FileLock.isHeld(folder.lock)
            {
                return ProcessHandle(pidfd, pid: pid)
            }
            if Clocks.monotonicMilliseconds() > deadline { return nil }
            poll(nil, 0, 10)
        }
        return nil
    }

    /// The result that a supervisor left.
    func result(_ folder: AttemptFolder) -> Finished? {
        guard Files.exists(folder.result) else { return nil }
        return try? StateFile.read(
            Finished.self, folder.result, limitBytes: AgentLimits.stateFileBytes)
    }

    /// Ends an attempt whose supervisor died without a result: kills what it left running, and
    /// writes the result on its behalf.
    /// - Parameter overdue: why the daemon killed the supervisor, if it did.
    func concludeLost(
        _ folder: AttemptFolder, _ order: AttemptOrder?, _ overdue: Fault?
    ) throws -> Finished {
        let unkillable = AttemptProcesses.killAll(folder, stateFolder: state.root)
        if let result = result(folder) { return result }
        let serial = GuestFolder(path: folder.guests).serialTail()
        for path in folder.scratch + [folder.artifacts] { try? Files.remove(path) }
        var reason =
            overdue?.reason
            ?? "the supervisor of the attempt died (killed, out of memory, or the machine went "
            + "down); its build was stopped"
        if !unkillable.isEmpty { reason += "; processes \(unkillable) cannot be killed" }
        let fault = Fault(
            overdue?.class ?? .infrastructure, overdue?.code ?? .supervisorLost, reason)
        let log = try LostLog.close(folder.log, saying: reason)
        let now = Clocks.unixMilliseconds()
        let result = Finished(
            attempt: folder.token, outcome: Outcome(fault: fault), logBytes: log.sizeBytes,
            logSHA256: log.sha256, artifacts: [], accelerator: order?.accelerator,
            startedUnixMilliseconds: now, endedUnixMilliseconds: now,
            evidence: serial.map { GuestEvidence(serialTail: $0) })
        try Files.replace(folder.result, with: StateFile.encode(result), mode: 0o600)
        return result
    }

    func write(_ cancel: Cancel, _ folder: AttemptFolder) throws {
        try Files.replace(folder.cancel, with: StateFile.encode(cancel), mode: 0o600)
    }

    func write(_ gap: ContactGap, _ folder: AttemptFolder) throws {
        try Files.replace(folder.contactGap, with: StateFile.encode(gap), mode: 0o600)
    }

    func writeForget(_ folder: AttemptFolder) throws {
        try Files.replace(folder.forget, with: Array("forgotten\n".utf8), mode: 0o600)
    }

    /// Deletes a folder, which is out of sight at once.
    func delete(_ path: String) throws {
        if Files.exists(path) { try Files.remove(moveToTrash(path)) }
    }

    /// Takes a folder out of sight at once.
    /// - Returns: where its bytes are until they are deleted.
    func moveToTrash(_ path: String) throws -> String {
        let trashed = "\(state.trash)/\(Files.name(of: path)).\(UInt32.random(in: .min ... .max))"
        try Files.rename(path, to: trashed)
        return trashed
    }
}
