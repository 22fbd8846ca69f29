import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// `aibuild-agent supervise FOLDER [--lock-fd N]`.
enum SupervisorProgram {
    /// Where a daemon passes the lock that it took for the supervisor: descriptor 3.
    static let lockOption = "--lock-fd"

    static func run(_ arguments: [String]) -> Int32 {
        let logger = Logger("supervise")
        do {
            let (root, inherited) = try parse(arguments)
            guard let token = AttemptToken(Files.name(of: root)) else {
                throw Failure("\(root) is no attempt's folder")
            }
            let folder = AttemptFolder(root: root, token: token)
            // Held by this process from here to its end, and by no other: it is not passed on.
            let lock = try take(inherited, folder)
            try lock.recordHolder()
            let order = try StateFile.read(
                AttemptOrder.self, folder.start, limitBytes: AgentLimits.stateFileBytes)
            // The daemon's service may be stopped by a signal to all its processes, and a terminal
            // may be closed: the build goes on.
            Signals.ignore(SIGHUP)
            Signals.ignore(SIGINT)
            umask(0o077)
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

    private static func parse(_ arguments: [String]) throws -> (root: String, lock: Int32?) {
        switch arguments.count {
        case 1: return (arguments[0], nil)
        case 3 where arguments[1] == lockOption:
            guard let lock = Int32(arguments[2]), lock > 2 else { break }
            return (arguments[0], lock)
        default: break
        }
        throw Failure(AgentProgram.usage)
    }
}
