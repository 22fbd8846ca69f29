import AgentCore
import BuildProtocol
import LoopKit
import ProcessKit
import Support

/// The daemon: serves coordinators on a socket. It may be killed at any moment: everything that
/// matters is in files, and supervisors run on without it.
actor AgentDaemon {
    nonisolated let loop: EventLoop
    nonisolated let configuration: AgentConfiguration
    nonisolated let attempts: AttemptRegistry
    nonisolated let hostName: String
    /// No other daemon has it, not even one on a copy of this machine's disk.
    private nonisolated let id = String(UInt64.random(in: .min ... .max), radix: 16)
    private nonisolated let reporter: HostReporter
    private nonisolated let logger = Logger("agent")

    private var probe: HostProbe?
    private var probeWaiters: [CheckedContinuation<HostProbe, Never>] = []
    private var lastReport: HostReport?
    private nonisolated let turns = Turns()
    /// Why plugins of the coordinator are not there.
    private var pluginProblems: [String] = []
    private var sessions: [UInt64: AgentSession] = [:]
    private var lastNumber: UInt64 = 0
    private var epoch: Int64 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(configuration: AgentConfiguration, loop: EventLoop) throws {
        self.configuration = configuration
        self.loop = loop
        attempts = try AttemptRegistry(configuration: configuration, loop: loop)
        reporter = HostReporter(configuration: configuration)
        hostName = HostFacts.hostName()
    }

    /// Serves until the task is cancelled or the socket fails.
    /// - Parameter onListening: called once coordinators can connect.
    func run(onListening: () async -> Void = {}) async throws {
        for folder in configuration.state.folders {
            try Files.makeFolder(folder, mode: 0o700)
        }
        try recoverEpoch()
        try await attempts.recover()
        let listener = try UnixListener(path: configuration.socketPath, loop: loop)
        logger.info("serving on \(configuration.socketPath)")
        await onListening()
        Task { [attempts] in await attempts.watchFolders() }
        Task { await probeHost() }
        Task { [configuration, attempts, loop] in
            await JanitorTask(configuration, attempts, loop).run { await reportHost() }
        }
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
            logger.error("refused a connection: \(AgentLimits.connections) are open")
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

    /// Returns if the loop is running: this actor is executed by it.
    func ping() -> Bool { true }

    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: The lease epoch

    private func recoverEpoch() throws {
        guard Files.exists(configuration.state.epoch) else { return }
        let text = try Files.read(configuration.state.epoch, limitBytes: 100)
        guard let epoch = Int64(String(decoding: text, as: UTF8.self).filter(\.isNumber)) else {
            throw Failure("\(configuration.state.epoch) does not hold a number: delete it")
        }
        self.epoch = epoch
    }

    /// Closes the sessions of superseded coordinators before the new one is answered.
    /// - Returns: why the coordinator is refused if it is itself superseded.
    func adopt(epoch candidate: Int64) async -> String? {
        guard candidate >= epoch else {
            return "host \(hostName) follows a coordinator of epoch \(epoch); this one led with "
                + "epoch \(candidate) and was superseded"
        }
        guard candidate > epoch else { return nil }
        let highest = epoch == 0 ? AgentLimits.firstEpoch : epoch + AgentLimits.epochJump
        guard candidate <= highest else {
            return "host \(hostName) follows a coordinator of epoch \(epoch) and does not believe "
                + "the epoch \(candidate). If it is right, because the coordinator's database was "
                + "replaced, delete \(configuration.state.epoch) and restart aibuild-agent"
        }
        epoch = candidate
        do {
            try Files.replace(configuration.state.epoch, with: Array("\(candidate)\n".utf8))
        } catch {
            // A host that may lose the epoch on a restart is better than one that serves no one.
            logger.error("cannot store the coordinator's epoch: \(error)")
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

    /// The result of the probe, waited for: a hello without it would lack accelerators that work,
    /// and a coordinator would fail builds that need them.
    func probed() async -> HostProbe {
        if let probe { return probe }
        return await withCheckedContinuation { probeWaiters.append($0) }
    }

    func hello() async -> AgentHello {
        let report = await report(await probed())
        lastReport = report
        return AgentHello(
            agentVersion: ProgramVersion.current, agentID: id, host: report,
            attempts: await attempts.summaries,
            templates: Array(
                Templates.digests(configuration.state).prefix(ProtocolLimits.listedDigests)))
    }

    /// Sends a report to every coordinator if it differs notably from the last one.
    private func reportHost() async {
        guard let probe else { return }
        let report = await report(probe)
        if let lastReport, !HostReporter.isNotable(from: lastReport, to: report) { return }
        lastReport = report
        for session in sessions.values { await session.report(report) }
    }

    private func report(_ probe: HostProbe) async -> HostReport {
        var report = reporter.report(probe, running: await attempts.runningRequirements)
        report.notices += pluginProblems
        return report
    }

    // MARK: Plugins

    /// Installs and removes plugins as the coordinator hands them out, and reports the change.
    func settle(_ plugins: [PackerPlugin]) async throws -> MissingPlugins {
        guard configuration.packerPlugins == nil else { return MissingPlugins(missing: []) }
        let outcome = try await turns.run("plugins") { [configuration] in
            try await OwnThread.run {
                try DeliveredPlugins(state: configuration.state).settle(plugins)
            }
        }
        if pluginProblems != outcome.problems {
            for problem in outcome.problems { logger.warning(problem) }
            pluginProblems = outcome.problems
        }
        await reportHost()
        return MissingPlugins(missing: outcome.missing)
    }
}
