import AgentCore
import BuildProtocol
import Glibc
import LoopKit
import ProcessKit
import Support
import SystemdKit

/// `aibuild-agent daemon`.
enum DaemonProgram {
    /// - Parameter ownsGroup: whether systemd delegated a control group to this program, and
    ///   releases it afterwards.
    static func run(_ configuration: AgentConfiguration, ownsGroup: Bool) -> Int32 {
        LogFormat.current = configuration.logsJSON ? .json : .logfmt
        // Waited for by this thread, and blocked in all threads that it starts.
        Signals.block([SIGTERM, SIGINT])
        umask(0o077)
        do {
            try Files.makeFolder(configuration.stateFolder, mode: 0o700)
            let lockPath = configuration.state.lock
            guard let lock = try take(lockPath) else {
                let holder = FileLock.holder(lockPath).map { " (process \($0))" } ?? ""
                throw Failure(
                    "another agent daemon\(holder) uses \(configuration.stateFolder): stop it, or "
                        + "set a different state_folder")
            }
            try lock.recordHolder()
            limitBuilds(ownsGroup: ownsGroup)
            try serve(configuration)
            _ = consume lock
            return 0
        } catch {
            AgentProgram.printError("aibuild-agent: \(error)")
            return EX_UNAVAILABLE
        }
    }

    /// A daemon that was killed while it started a program leaves the lock to the child until that
    /// has executed the program.
    private static func take(_ path: String) throws -> FileLock? {
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.daemonLockMilliseconds
        while Clocks.monotonicMilliseconds() < deadline {
            if let lock = try FileLock.tryTake(path) { return lock }
            poll(nil, 0, 20)
        }
        return nil
    }

    /// So that attempts, also those that run on from an earlier daemon, have the limits of their
    /// requirements.
    private static func limitBuilds(ownsGroup: Bool) {
        let logger = Logger("agent")
        guard ownsGroup else {
            return logger.warning(
                "builds can take all memory of this host: run the agent by the unit of its "
                    + "package, which delegates a control group to it")
        }
        if let problem = DelegatedGroup.takeOver() {
            logger.warning(
                "builds can take all memory of this host: \(problem). Start it with control "
                    + "groups of version 2 only")
        }
    }

    private static func serve(_ configuration: AgentConfiguration) throws {
        let loop = try EventLoop(name: "agent")
        let daemon = try AgentDaemon(configuration: configuration, loop: loop)
        let logger = Logger("agent")
        Task {
            do {
                try await daemon.run {
                    await ServiceManager.ready("serving on \(configuration.socketPath)")
                    Watchdog.start { await daemon.ping() }
                }
            } catch {
                logger.error("\(error)")
                exit(EX_UNAVAILABLE)
            }
        }
        let signal = Signals.waitBlocking(SIGTERM, SIGINT)
        ServiceManager.stoppingBlocking("builds run on")
        logger.info("stopped by signal \(signal); builds run on")
        unlink(configuration.socketPath)
    }
}
