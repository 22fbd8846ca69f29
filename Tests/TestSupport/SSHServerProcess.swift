import Glibc
import ProcessKit
import Support
import Synchronization

/// One run of sshd, supervised by a shell that reads a pipe which this process holds open.
final class SSHServerProcess: Sendable {
    private let lifeline: Descriptor
    private let keeper: ChildProcess
    private let isReaped = Mutex(false)

    /// - Parameter folder: with `sshd_config`; its `log` is truncated.
    init(folder: String) throws {
        let fifo = "\(folder)/lifeline\(UInt32.random(in: .min ... .max))"
        guard mkfifo(fifo, 0o600) == 0 else { throw SystemError.last("cannot make \(fifo)") }
        let reader = try Descriptor(fifo, O_RDONLY | O_NONBLOCK)
        lifeline = try Descriptor(fifo, O_WRONLY)
        guard fcntl(reader.raw, F_SETFL, 0) == 0 else { throw SystemError.last("fcntl") }
        let log = try Descriptor("\(folder)/log", O_WRONLY | O_CREAT | O_TRUNC)
        let script = """
            exec 3<&0 </dev/null
            /usr/sbin/sshd -D -e -f "$1" 3<&- & pid=$!
            read -r _ <&3 || true
            kill $pid; wait $pid
            """
        keeper = try ChildProcess(
            Command(
                ["/bin/sh", "-c", script, "sshd-keeper", "\(folder)/sshd_config"],
                environment: Command.minimalEnvironment),
            streams: .init(input: reader.raw, output: log.raw, error: log.raw))
    }

    deinit { kill() }

    /// The listener and its supervising shell; sessions have their own processes.
    func kill() {
        isReaped.withLock { isReaped in
            if isReaped { return }
            keeper.signalGroup(SIGKILL)
            _ = try? Wait.readable([keeper.pidfd.raw], timeoutMilliseconds: 5000)
            isReaped = (try? keeper.reap()) != nil
        }
    }

    var hasEnded: Bool {
        (try? Wait.readable([keeper.pidfd.raw], timeoutMilliseconds: 0)) == [true]
    }
}
