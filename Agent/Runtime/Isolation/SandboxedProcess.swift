import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// A program of an attempt in namespaces of its own, seen from its supervisor.
struct SandboxedProcess: ~Copyable {
    /// Bubblewrap, which ends with the program.
    let monitor: ChildProcess
    /// The first process of the namespaces, as this process knows it; it leads the program's
    /// process group.
    let first: Int32
    private let firstHandle: Descriptor
    private let program: String
    private let status: Pipe
    private let network: NetworkHelper?

    /// Starts the program once its network is ready.
    ///
    /// - Throws: `Fault` if the host cannot isolate it, `SystemError` if bubblewrap is missing.
    init(
        _ command: Command, _ sandbox: Sandbox, streams: ChildProcess.Streams,
        group: ControlGroup?
    ) throws {
        var info = try Pipe()
        var status = try Pipe()
        var block = try Pipe(readBy: .child)
        let wrapped = Command(
            sandbox.arguments(command.arguments),
            environment: InnerEnvironment.wrapped(command.environment), workFolder: "/")
        let monitor = try ChildProcess(
            wrapped, streams: streams,
            passed: [info.writeDescriptor, block.readEnd.raw, status.writeDescriptor],
            group: group)
        info.closeWriteEnd()
        status.closeWriteEnd()
        do {
            let first = try Self.first(info)
            let network =
                sandbox.isOnline
                ? try NetworkHelper(
                    of: first, sandbox.folder, sandbox.isolation,
                    environment: InnerEnvironment.outer(command.environment), group: group) : nil
            try block.takeWriteEnd().writeAll([1])
            self.first = first
            firstHandle = ProcessTable.open(first) ?? Descriptor(owning: -1)
            self.network = network
        } catch {
            monitor.signalGroup(SIGKILL)
            throw error
        }
        self.monitor = monitor
        self.status = status
        program = command.arguments.first ?? ""
    }

    /// `{"child-pid": 4711, …}`
    private static func first(_ info: borrowing Pipe) throws -> Int32 {
        var text: [UInt8] = []
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.isolationMilliseconds
        while text.last != UInt8(ascii: "}"), text.count < 4096 {
            let rest = deadline - Clocks.monotonicMilliseconds()
            guard rest > 0,
                try Wait.readable([info.readEnd.raw], timeoutMilliseconds: Int32(rest)) == [true]
            else { break }
            let more = try info.read(upTo: 4096)
            if more.isEmpty { break }
            text += more
            while let last = text.last, last == 0x0A || last == 0x20 { text.removeLast() }
        }
        let after = String(decoding: text, as: UTF8.self).split(separator: ":").dropFirst().first
        guard let number = after?.drop(while: { $0 == " " }).prefix(while: \.isNumber),
            let pid = Int32(number), pid > 1
        else { throw bubblewrapFailed }
        return pid
    }

    private static let bubblewrapFailed = Fault(
        .infrastructure, .hostError,
        "bubblewrap cannot isolate this build; its message is in the log. "
            + IsolationProbe.advice)

    /// Signals the program and what has stayed in its process group. The first process of the
    /// namespaces ignores everything but SIGKILL, with which the kernel ends all of them.
    func signal(_ number: Int32) {
        guard firstHandle.raw >= 0,
            (try? Wait.readable([firstHandle.raw], timeoutMilliseconds: 0)) == [false]
        else { return }
        kill(-first, number)
        if number == SIGKILL { kill(first, SIGKILL) }
    }

    /// How the program ended, or `nil` while it runs. Not to be called again after that.
    /// - Throws: `NotRunnable`, or `SystemError`, if it could not be run.
    func reap() throws -> ExitStatus? {
        guard let ended = try monitor.reap() else { return nil }
        if let told = toldStatus() {
            switch told {
            case .ended(let status): return status
            case .notRun(let code):
                throw NotRunnable.or(SystemError(errno: code, "cannot run \(program)"))
            }
        }
        // The first program inside was killed before it could report.
        switch ended {
        case .exited(let code) where code > 128: return .killed(signal: code - 128)
        case .killed: return ended
        case .exited: throw Self.bubblewrapFailed
        }
    }

    private func toldStatus() -> InnerProgram.Report? {
        guard let told = try? status.read(upTo: 64) else { return nil }
        return InnerProgram.Report(String(decoding: told, as: UTF8.self))
    }
}
