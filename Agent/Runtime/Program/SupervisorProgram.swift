import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// `aibuild-agent supervise FOLDER [--lock-fd N]`: runs one attempt.
enum SupervisorProgram {
    /// Where a daemon passes the lock that it took for the supervisor: descriptor 3.
    static let lockOption = "lock-fd"

    static func run(_ root: String, lock inherited: Int32?) -> Int32 {
        LogFormat.inherit()
        var logger = Logger("supervise")
        do {
            guard let token = AttemptToken(Files.name(of: root)) else {
                throw Failure("\(root) is not the folder of an attempt")
            }
            let folder = AttemptFolder(root: root, token: token)
            // Held by this process until it exits, and not passed on to others.
            let lock = try take(inherited, folder)
            try lock.recordHolder()
            let order = try StateFile.read(
                AttemptOrder.self, folder.start, limitBytes: AgentLimits.stateFileBytes)
            logger = logger.about(LogIDs(order))
            // The build continues if a signal stops all processes of the daemon's service, or if a
            // terminal is closed.
            Signals.ignore(SIGHUP)
            Signals.ignore(SIGINT)
            umask(BuildEnvironment.umask)
            try Descendants.becomeSubreaper()
            try Supervisor(folder: folder, order: order).run()
            _ = consume lock
            return 0
        } catch {
            logger.error("\(error)")
            return EX_SOFTWARE
        }
    }

    private static func take(
        _ inherited: Int32?, _ folder: AttemptFolder
    ) throws -> FileLock {
        if let inherited { return FileLock(inherited: inherited) }
        if let lock = try FileLock.tryTake(folder.lock) { return lock }
        throw Failure("another supervisor runs the attempt \(folder.token)")
    }
}
