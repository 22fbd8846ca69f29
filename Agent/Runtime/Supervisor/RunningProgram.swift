import AgentCore
import ProcessKit
import Support

/// A program of an attempt that runs in a sandbox or, where the operator decided so, without one.
enum RunningProgram: ~Copyable {
    case plain(ChildProcess)
    case sandboxed(SandboxedProcess)

    /// The child of this process, which ends when the program does.
    var pid: Int32 {
        switch self {
        case .plain(let child): child.pid
        case .sandboxed(let process): process.monitor.pid
        }
    }

    /// Readable once the program has ended.
    var descriptor: Int32 {
        switch self {
        case .plain(let child): child.pidfd.raw
        case .sandboxed(let process): process.monitor.pidfd.raw
        }
    }

    /// How it ended, or `nil` while it runs. Does not wait; not to be called again after that.
    func reap() throws -> ExitStatus? {
        switch self {
        case .plain(let child): try child.reap()
        case .sandboxed(let process): try process.reap()
        }
    }

    /// Signals its process group.
    func signal(_ number: Int32) {
        switch self {
        case .plain(let child): child.signalGroup(number)
        case .sandboxed(let process): process.signal(number)
        }
    }

    /// A process in the namespaces of the program.
    var namespaceMember: Int32? {
        switch self {
        case .plain: nil
        case .sandboxed(let process): process.first
        }
    }
}
