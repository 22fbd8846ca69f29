import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

/// The attempts of this host: starts them, passes requests on to their supervisors, notices their
/// end, and finds them again after a restart. Runs on the daemon's loop.
actor AttemptRegistry {
    private nonisolated let loop: EventLoop
    private nonisolated let configuration: AgentConfiguration
    nonisolated let files: AttemptFiles
    private nonisolated let admission: StartAdmission
    private nonisolated let logger = Logger("agent")

    private(set) var attempts: [AttemptToken: AttemptEntry] = [:]
    private var forgotten = ForgottenTokens()
    private let folderWatch: FolderWatch
    private var watched: [Int32: AttemptToken] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(configuration: AgentConfiguration, loop: EventLoop) throws {
        self.configuration = configuration
        self.loop = loop
        files = AttemptFiles(state: configuration.state)
        admission = StartAdmission(
            configuration: configuration, fetchProgram: files.fetchProgram)
        folderWatch = try FolderWatch()
    }

    var summaries: [AttemptSummary] {
        attempts.values.map(\.summary).sorted { $0.attempt < $1.attempt }
    }

    var runningRequirements: [Requirements] {
        attempts.values.filter(\.isRunning).map(\.order.start.requirements)
    }

    // MARK: Requests of coordinators

    /// Starts an attempt, once: a second `start` of a known token only returns its phase.
    func start(_ start: Start, _ probe: HostProbe) async -> AgentMessage {
        let token = start.attempt
        if let known = attempts[token] { return .phase(known.phase) }
        if forgotten.contains(token) {
            return Self.error(token, .refused, "the coordinator forgot this attempt before")
        }
        let order: AttemptOrder
        do throws(StartAdmission.Refusal) {
            order = try admission.order(
                start, probe, running: runningRequirements, count: attempts.count)
        } catch { return Self.error(token, error.code, error.reason) }
        return await begin(order)
    }

    private func begin(_ order: AttemptOrder) async -> AgentMessage {
        let token = order.start.attempt
        let entry = AttemptEntry(folder: configuration.state.attempt(token), order: order)
        // Registered before its files exist, so that a second start in the meantime finds it.
        attempts[token] = entry
        do {
            let supervisor = try await OwnThread.run { [files] in try files.start(order) }
            entry.log.info("the attempt begins: \(order.start.build.imageName)")
            watch(entry, supervisor)
            end(entry, when: .outOfTime)
            return .phase(entry.phase)
        } catch {
            entry.log.error("cannot start the attempt: \(error)")
            remove(entry)
            return Self.error(token, .refused, "the attempt cannot be started: \(error)")
        }
    }

    /// - Returns: an error, or `nil` if the request was accepted or came too late.
    func cancel(_ cancel: Cancel) async -> AgentMessage? {
        guard let entry = attempts[cancel.attempt] else { return Self.unknown(cancel.attempt) }
        guard entry.isRunning else { return nil }
        do {
            try await OwnThread.run { [files, folder = entry.folder] in
                try files.write(cancel, folder)
            }
            end(entry, when: .cancelled)
            return nil
        } catch {
            return Self.error(cancel.attempt, .internal, "cannot cancel: \(error)")
        }
    }

    /// Deletes an attempt, after killing it if it still runs. An unknown one needs no deletion.
    func forget(_ forget: Forget) async -> AgentMessage? {
        forgotten.insert(forget.attempt)
        guard let entry = attempts[forget.attempt] else { return nil }
        entry.isForgotten = true
        do { try await end(forgotten: entry) } catch {
            return Self.error(forget.attempt, .internal, "cannot forget: \(error)")
        }
        return nil
    }

    /// A finished attempt is deleted without writing a request, for which a full disk has no room.
    /// If the request to a supervisor cannot be written, the janitor retries it: the coordinator
    /// does not send it again.
    private func end(forgotten entry: AttemptEntry) async throws {
        if entry.isRunning {
            try await OwnThread.run { [files, folder = entry.folder] in
                try files.writeForget(folder)
            }
        }
        if entry.isRunning { end(entry, when: .cancelled) } else { remove(entry) }
    }

    static func unknown(_ token: AttemptToken) -> AgentMessage {
        error(token, .unknownAttempt, "this host has no attempt \(token)")
    }

    private static func error(
        _ token: AttemptToken, _ code: ErrorReport.Code, _ message: String
    ) -> AgentMessage {
        .error(ErrorReport(code: code, message: message, attempt: token))
    }

    // MARK: Followers

    /// A stream that yields at each change of the attempt; `nil` if it is unknown.
    func observe(_ token: AttemptToken, _ observer: UInt64) -> AsyncStream<Void>? {
        attempts[token]?.observe(observer)
    }

    func stopObserving(_ token: AttemptToken, _ observer: UInt64) {
        attempts[token]?.stopObserving(observer)
    }

    /// `nil` if the attempt was deleted.
    func status(_ token: AttemptToken) -> (phase: Phase, result: Finished?)? {
        attempts[token].map { ($0.phase, $0.result) }
    }

    /// Reads what supervisors write into their attempts' folders, until the task is cancelled.
    func watchFolders() async {
        let descriptor = folderWatch.descriptor.raw
        do {
            // Not `while true`: the optimizer of Swift 6.3 crashes on a coroutine without an end.
            while !Task.isCancelled {
                _ = try await loop.wait(fd: descriptor, for: .readable)
                let changed = try folderWatch.takeEvents()
                // -1: the kernel's queue overflowed; anything may have changed.
                let all = changed.contains(-1)
                for (watch, token) in watched where all || changed.contains(watch) {
                    attempts[token]?.changed()
                }
            }
        } catch {
            logger.error("cannot watch the attempts: \(error)")
        }
    }

    // MARK: The end of an attempt

    private func watch(_ entry: AttemptEntry, _ supervisor: ProcessHandle) {
        entry.supervisor = supervisor
        if let watch = try? folderWatch.add(entry.folder.root) {
            entry.watch = watch
            watched[watch] = entry.folder.token
        }
        // What was written before the watch existed.
        entry.changed()
        let token = entry.folder.token
        Task {
            await ended(supervisor, token)
            attempts[token]?.supervisor = nil
            loop.forget(fd: supervisor.pidfd.raw)
            supervisor.reap()
            await supervisorEnded(token)
        }
    }

    /// Returns once the supervisor has exited, and not before: its attempt is then cleaned up.
    private func ended(_ supervisor: ProcessHandle, _ token: AttemptToken) async {
        while !supervisor.hasEnded {
            do {
                // May return early.
                _ = try await loop.wait(fd: supervisor.pidfd.raw, for: .readable)
            } catch {
                // Too many descriptors are watched: retried until some are free.
                logger.error("cannot watch the supervisor of \(token): \(error)")
                let now = Clocks.monotonicMilliseconds()
                try? await loop.sleep(untilMilliseconds: now + 1_000)
            }
        }
    }

    private func supervisorEnded(_ token: AttemptToken) async {
        guard let entry = attempts[token] else { return }
        if let watch = entry.watch {
            folderWatch.remove(watch)
            watched[watch] = nil
        }
        await conclude(entry)
        if let end = entry.end { entry.log.info("the attempt ended: \(end)") }
    }

    /// Reads the result of an attempt without a supervisor, or writes it if the supervisor did not.
    /// If that fails (a full disk), the janitor retries it.
    private func conclude(_ entry: AttemptEntry) async {
        do {
            let result = try await OwnThread.run {
                [files, folder = entry.folder, order = entry.order, fault = entry.overdue] in
                try files.result(folder) ?? files.concludeLost(folder, order, fault)
            }
            entry.awaitsConclusion = false
            entry.finish(result)
        } catch {
            entry.log.error("the attempt cannot be concluded: \(error)")
            entry.awaitsConclusion = true
            return
        }
        if entry.isForgotten { remove(entry) }
    }

    /// Kills a supervisor that does not stop by itself: it must not keep its slot.
    private func end(_ entry: AttemptEntry, when overdue: SupervisorOverdue) {
        let due = Clocks.monotonicMilliseconds() + overdue.milliseconds(entry.order.start.limits)
        Task {
            try? await loop.sleep(untilMilliseconds: due)
            guard let supervisor = entry.supervisor, entry.isRunning else { return }
            let fault = overdue.fault(entry.order.start.limits)
            if entry.overdue == nil { entry.overdue = fault }
            entry.log.error(fault.reason)
            supervisor.kill()
        }
    }

    private func remove(_ entry: AttemptEntry) {
        attempts[entry.folder.token] = nil
        entry.endObservation()
        Task { [files, log = entry.log, root = entry.folder.root] in
            do { try await OwnThread.run { try files.delete(root) } } catch {
                log.error("cannot delete \(root): \(error)")
            }
        }
    }

    // MARK: The janitor

    /// Retries what a full disk prevented.
    func retryPending() async {
        for entry in attempts.values where entry.awaitsConclusion { await conclude(entry) }
        for entry in attempts.values where entry.isForgotten { try? await end(forgotten: entry) }
    }

    /// The tokens among these that belong to no attempt, and to no template that is looked at.
    func dead(among tokens: Set<AttemptToken>) -> Set<AttemptToken> {
        tokens.filter { attempts[$0] == nil && !files.isChecked($0) }
    }

    // MARK: After a restart

    /// Finds the attempts of earlier daemons again.
    func recover() async throws {
        for name in try Files.list(configuration.state.attempts) {
            let root = "\(configuration.state.attempts)/\(name)"
            guard let token = AttemptToken(name) else {
                logger.warning("deleted \(root): not the folder of an attempt")
                _ = try files.moveToTrash(root)
                continue
            }
            try await recover(AttemptFolder(root: root, token: token))
        }
    }

    private func recover(_ folder: AttemptFolder) async throws {
        let order: AttemptOrder
        do {
            order = try StateFile.read(
                AttemptOrder.self, folder.start, limitBytes: AgentLimits.stateFileBytes)
        } catch {
            // The daemon died before it accepted the attempt: no coordinator knows of it.
            logger.warning("deleted attempt \(folder.token): it was never accepted")
            _ = try files.moveToTrash(folder.root)
            return
        }
        let entry = AttemptEntry(folder: folder, order: order)
        entry.isForgotten = Files.exists(folder.forget)
        attempts[folder.token] = entry
        if files.result(folder) == nil,
            let supervisor = try await OwnThread.run({ [files] in
                AttemptProcesses.limitAgain(order)
                return files.adopt(folder)
            })
        {
            entry.log.info("the attempt runs on, process \(supervisor.pid)")
            watch(entry, supervisor)
            end(entry, when: .outOfTime)
            if entry.isForgotten || Files.exists(folder.cancel) { end(entry, when: .cancelled) }
        } else {
            await conclude(entry)
        }
    }
}
