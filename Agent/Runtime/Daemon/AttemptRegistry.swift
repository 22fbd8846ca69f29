import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

extension AgentDaemon {
    // MARK: What coordinators ask

    /// Begins an attempt, once: a second `start` of a known token only says where it stands.
    func start(_ start: Start) async -> AgentMessage {
        let token = start.attempt
        let probe = await probed()
        if let known = attempts[token] { return .phase(known.phase) }
        if forgotten.contains(token) {
            return Self.refused(token, "the coordinator has given this attempt up before")
        }
        if let problem = StartCheck.problem(start) {
            return .error(ErrorReport(code: .malformed, message: problem, attempt: token))
        }
        guard Templates.touch(start.template.sha256, configuration.state) else {
            return .error(
                ErrorReport(
                    code: .templateMissing,
                    message: "the template \(start.template.sha256) is not on this host: deliver "
                        + "it, then send start again", attempt: token))
        }
        let firmware = HostFacts.firmware(configuration.ovmfFolder)
        if case .test(let plan) = start.recipe.builder, plan.firmware == .uefi, firmware == nil {
            return Self.refused(token, UEFIFirmware.missing(in: configuration.ovmfFolder))
        }
        if let refusal = Admission.refusal(start.requirements, room(probe)) {
            return Self.refused(token, refusal)
        }
        return await begin(
            AttemptOrder(
                start: start,
                accelerator: start.requirements.accelerator ?? probe.preferredAccelerator,
                stateFolder: configuration.stateFolder, searchPath: configuration.searchPath,
                packer: configuration.packer, fetchProgram: files.fetchProgram,
                qemuSystem: configuration.qemuSystem, qemuImg: configuration.qemuImg,
                firmware: firmware))
    }

    private func begin(_ order: AttemptOrder) async -> AgentMessage {
        let token = order.start.attempt
        let entry = AttemptEntry(folder: configuration.state.attempt(token), order: order)
        // Entered before the files are made, so that a second start meanwhile finds it.
        attempts[token] = entry
        do {
            let supervisor = try await OwnThread.run { [files] in try files.begin(order) }
            watch(entry, supervisor)
            return .phase(entry.phase)
        } catch {
            logger.error("attempt \(token) cannot be started: \(error)")
            remove(entry)
            return Self.refused(token, "the attempt cannot be started: \(error)")
        }
    }

    func cancel(_ cancel: Cancel) async -> AgentMessage? {
        guard let entry = attempts[cancel.attempt] else { return Self.unknown(cancel.attempt) }
        guard entry.isRunning else { return nil }
        do {
            try await OwnThread.run { [files, folder = entry.folder] in
                try files.write(cancel, folder)
            }
            return nil
        } catch {
            return .error(
                ErrorReport(
                    code: .internal, message: "cannot cancel: \(error)", attempt: cancel.attempt))
        }
    }

    /// Deletes an attempt, after killing it if it still runs. An unknown one is forgotten already.
    func forget(_ forget: Forget) async -> AgentMessage? {
        forgotten.insert(forget.attempt)
        guard let entry = attempts[forget.attempt] else { return nil }
        entry.isForgotten = true
        do { try await end(forgotten: entry) } catch {
            return .error(
                ErrorReport(
                    code: .internal, message: "cannot forget: \(error)", attempt: forget.attempt))
        }
        return nil
    }

    /// What has ended goes without a note, for which a full disk has no room. Where a supervisor
    /// cannot be told, the janitor comes back to it: the coordinator does not say it again.
    func end(forgotten entry: AttemptEntry) async throws {
        if entry.isRunning {
            try await OwnThread.run { [files, folder = entry.folder] in
                try files.writeForget(folder)
            }
        }
        if !entry.isRunning { remove(entry) }
    }

    static func unknown(_ token: AttemptToken) -> AgentMessage {
        .error(
            ErrorReport(
                code: .unknownAttempt, message: "this host has no attempt \(token)",
                attempt: token))
    }

    private static func refused(_ token: AttemptToken, _ why: String) -> AgentMessage {
        .error(ErrorReport(code: .refused, message: why, attempt: token))
    }

    private func room(_ probe: HostProbe) -> Admission.Room {
        let report = hostReport(probe)
        return Admission.Room(
            slots: report.slots, memoryBytes: report.memoryBytes,
            diskFreeBytes: report.diskFreeBytes, accelerators: report.accelerators,
            running: runningRequirements, attempts: attempts.count)
    }

    // MARK: What followers see

    func observe(_ token: AttemptToken, _ observer: UInt64) -> AsyncStream<Void>? {
        attempts[token]?.observe(observer)
    }

    func stopObserving(_ token: AttemptToken, _ observer: UInt64) {
        attempts[token]?.stopObserving(observer)
    }

    /// `nil` when the attempt is gone.
    func status(_ token: AttemptToken) -> (phase: Phase, result: Finished?)? {
        attempts[token].map { ($0.phase, $0.result) }
    }

    // MARK: The life of an attempt

    private func watch(_ entry: AttemptEntry, _ supervisor: ProcessHandle) {
        if let watch = try? folderWatch.add(entry.folder.root) {
            entry.watch = watch
            watched[watch] = entry.folder.token
        }
        // What was written before the watch was there.
        entry.changed()
        let token = entry.folder.token
        Task {
            await ended(supervisor, token)
            loop.forget(fd: supervisor.pidfd.raw)
            supervisor.reap()
            await supervisorEnded(token)
        }
    }

    /// Returns when the supervisor has ended, and not before: its attempt is then cleaned away.
    private func ended(_ supervisor: ProcessHandle, _ token: AttemptToken) async {
        while !supervisor.hasEnded {
            do {
                // It may return early.
                _ = try await loop.wait(fd: supervisor.pidfd.raw, for: .readable)
            } catch {
                // Too many descriptors are watched: tried again until some are free.
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
    }

    /// Takes the result of an attempt that no supervisor holds. Where it cannot be written (a full
    /// disk), the janitor comes back to it.
    func conclude(_ entry: AttemptEntry) async {
        do {
            let result = try await OwnThread.run {
                [files, folder = entry.folder, order = entry.order] in
                try files.result(folder) ?? files.concludeLost(folder, order)
            }
            entry.awaitsConclusion = false
            entry.finish(result)
            if let fault = result.outcome.fault, fault.code == .supervisorLost {
                logger.error("attempt \(entry.folder.token): \(fault.reason)")
            }
        } catch {
            logger.error("attempt \(entry.folder.token) cannot be concluded: \(error)")
            entry.awaitsConclusion = true
            return
        }
        if entry.isForgotten { remove(entry) }
    }

    private func remove(_ entry: AttemptEntry) {
        attempts[entry.folder.token] = nil
        entry.endObservation()
        Task { [files, logger, root = entry.folder.root] in
            do {
                try await OwnThread.run {
                    guard Files.exists(root) else { return }
                    try Files.remove(files.moveToTrash(root))
                }
            } catch {
                logger.error("cannot delete \(root): \(error)")
            }
        }
    }

    // MARK: After a restart

    /// Finds the attempts of earlier daemons again.
    func recover() async throws {
        for name in try Files.list(configuration.state.attempts) {
            let root = "\(configuration.state.attempts)/\(name)"
            guard let token = AttemptToken(name) else {
                logger.warning("\(root) is no attempt's folder: deleted")
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
            // The daemon died before it accepted the attempt: nobody was told of it.
            logger.warning("attempt \(folder.token) was never accepted: deleted")
            _ = try files.moveToTrash(folder.root)
            return
        }
        let entry = AttemptEntry(folder: folder, order: order)
        entry.isForgotten = Files.exists(folder.forget)
        attempts[folder.token] = entry
        if files.result(folder) == nil,
            let supervisor = try await OwnThread.run({ [files] in files.adopt(folder) })
        {
            logger.info("attempt \(folder.token) runs on, process \(supervisor.pid)")
            watch(entry, supervisor)
        } else {
            await conclude(entry)
        }
    }
}
