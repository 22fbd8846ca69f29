import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

/// The daemon: holds the attempts of a state folder and serves coordinators on a socket. It may be
/// killed at any moment: whatever matters lies in files, and supervisors run on without it.
actor AgentDaemon {
    nonisolated let loop: EventLoop
    nonisolated let configuration: AgentConfiguration
    nonisolated let files: AttemptFiles
    nonisolated let logger = Logger("agent")
    nonisolated let hostName: String

    var attempts: [AttemptToken: AttemptEntry] = [:]
    var watched: [Int32: AttemptToken] = [:]
    var forgotten = ForgottenTokens()
    var probe: HostProbe?
    private var probeWaiters: [CheckedContinuation<HostProbe, Never>] = []
    private var sessions: [UInt64: AgentSession] = [:]
    private var lastNumber: UInt64 = 0
    let folderWatch: FolderWatch
    var lastReport: HostReport?
    private var epoch: Int64 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(configuration: AgentConfiguration, loop: EventLoop) throws {
        self.configuration = configuration
        self.loop = loop
        files = AttemptFiles(state: configuration.state)
        folderWatch = try FolderWatch()
        hostName = HostFacts.hostName()
    }

    /// Serves until the task is cancelled or the socket fails.
    /// - Parameter onListening: called once, when coordinators can connect.
    func run(onListening: () async -> Void = {}) async throws {
        for folder in configuration.state.folders {
            try Files.makeFolder(folder, mode: 0o700)
        }
        try recoverEpoch()
        try await recover()
        let listener = try UnixListener(path: configuration.socketPath, loop: loop)
        logger.info("serving on \(configuration.socketPath)")
        await onListening()
        Task { await watchFolders() }
        Task { await probeHost() }
        Task { await runJanitor() }
        while true {
            let stream: AsyncDescriptor
            do { stream = try await listener.accept() } catch let error as SystemError {
                // Out of descriptors: the connection waits in the backlog until some are free.
                logger.error("\(error)")
                try await loop.sleep(untilMilliseconds: Clocks.monotonicMilliseconds() + 200)
                continue
            }
            serve(stream)
        }
    }

    private func serve(_ stream: AsyncDescriptor) {
        guard sessions.count < AgentLimits.connections else {
            logger.error("more than \(AgentLimits.connections) connections: one refused")
            stream.close()
            return
        }
        let session = AgentSession(number: nextNumber(), stream: stream, daemon: self)
        sessions[session.number] = session
        Task {
            await session.run()
            sessions[session.number] = nil
        }
    }

    /// Answers when the loop turns: this actor runs on it.
    func ping() -> Bool { true }

    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: Which coordinator leads

    private func recoverEpoch() throws {
        guard Files.exists(configuration.state.epoch) else { return }
        let text = try Files.read(configuration.state.epoch, limitBytes: 100)
        guard let epoch = Int64(String(decoding: text, as: UTF8.self).filter(\.isNumber)) else {
            throw Failure("\(configuration.state.epoch) holds no number: delete it")
        }
        self.epoch = epoch
    }

    /// Ends the sessions of coordinators that were deposed, before the new one is answered.
    /// - Returns: why the coordinator is refused, if it is one of those itself.
    func adopt(epoch candidate: Int64) async -> String? {
        guard candidate >= epoch else {
            return "host \(hostName) follows a coordinator of epoch \(epoch); this one led with "
                + "epoch \(candidate) and does not lead any more"
        }
        guard candidate > epoch else { return nil }
        epoch = candidate
        do {
            try Files.replace(configuration.state.epoch, with: Array("\(candidate)\n".utf8))
        } catch {
            // Better a host whose memory is short than one that works for nobody.
            logger.error("cannot remember the coordinator's epoch: \(error)")
        }
        for session in sessions.values { await session.close(olderThan: candidate) }
        return nil
    }

    // MARK: The host

    private func probeHost() async {
        let configuration = configuration
        let found: HostProbe
        do {
            found = try await OwnThread.run { HostProber(configuration: configuration).probe() }
        } catch {
            found = HostProbe(notices: ["the host could not be probed: \(error)"])
        }
        for notice in found.notices { logger.warning(notice) }
        probe = found
        for waiter in probeWaiters { waiter.resume(returning: found) }
        probeWaiters = []
    }

    /// The probe's result. Said before it is known, an accelerator that works would be missing,
    /// and a coordinator would fail builds that need it.
    func probed() async -> HostProbe {
        if let probe { return probe }
        return await withCheckedContinuation { probeWaiters.append($0) }
    }

    func hello() async -> AgentHello {
        let probe = await probed()
        let report = hostReport(probe)
        lastReport = report
        return AgentHello(
            agentVersion: AgentVersion.current, host: report,
            attempts: attempts.values.map(\.summary).sorted { $0.attempt < $1.attempt },
            templates: Templates.digests(configuration.state))
    }

    func hostReport(_ probe: HostProbe) -> HostReport {
        let room = (try? Files.room(configuration.stateFolder)) ?? (free: 0, total: 0)
        return HostReport(
            slots: configuration.slots ?? max(1, HostFacts.vcpus() / 2),
            vcpus: configuration.vcpus ?? HostFacts.vcpus(),
            memoryBytes: configuration.memoryBytes ?? HostFacts.memoryBytes(),
            diskFreeBytes: Admission.diskFree(freeBytes: room.free, running: runningRequirements),
            diskTotalBytes: room.total, accelerators: probe.accelerators,
            tags: configuration.tags,
            baseImages: BaseImageCache(state: configuration.state).digests(),
            packerVersion: probe.packerVersion, qemuVersion: probe.qemuVersion,
            runsTests: probe.qemuVersion != nil && !probe.accelerators.isEmpty
                && HostFacts.hasPrograms([configuration.qemuImg, "ssh"], configuration.searchPath),
            testAbilities: TestAbility.allCases.filter {
                $0 != .uefi || HostFacts.firmware(configuration.ovmfFolder) != nil
            }.map(\.rawValue).sorted(), unixMilliseconds: Clocks.unixMilliseconds(),
            notices: probe.notices)
    }

    var runningRequirements: [Requirements] {
        attempts.values.filter(\.isRunning).map(\.order.start.requirements)
    }

    /// Tells every coordinator what has changed notably.
    func reportHost() async {
        guard let probe else { return }
        let report = hostReport(probe)
        if let lastReport, !HostReports.isNotable(from: lastReport, to: report) { return }
        lastReport = report
        for session in sessions.values { await session.report(report) }
    }

    // MARK: Changes in attempt folders

    private func watchFolders() async {
        let descriptor = folderWatch.descriptor.raw
        do {
            // Not `while true`: the optimiser of Swift 6.3 crashes on a coroutine without an end.
            while !Task.isCancelled {
                _ = try await loop.wait(fd: descriptor, for: .readable)
                try takeFolderEvents()
            }
        } catch {
            logger.error("cannot watch the attempts: \(error)")
        }
    }

    private func takeFolderEvents() throws(SystemError) {
        let changed = try folderWatch.takeEvents()
        // -1: the kernel's queue overflowed; anything may have changed.
        let all = changed.contains(-1)
        for (watch, token) in watched where all || changed.contains(watch) {
            attempts[token]?.changed()
        }
    }
}

/// Tokens of attempts that were forgotten lately.
struct ForgottenTokens {
    private var order: [AttemptToken] = []
    private var tokens: Set<AttemptToken> = []

    mutating func insert(_ token: AttemptToken) {
        guard tokens.insert(token).inserted else { return }
        order.append(token)
        if order.count > AgentLimits.forgottenTokens { tokens.remove(order.removeFirst()) }
    }

    func contains(_ token: AttemptToken) -> Bool { tokens.contains(token) }
}
