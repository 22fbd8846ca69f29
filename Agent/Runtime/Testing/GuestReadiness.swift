import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support

/// Whether a guest is up: the login works or, without a login, its port responds.
struct GuestReadiness {
    let order: AttemptOrder
    let folder: AttemptFolder
    let plan: TestPlan
    /// A port of this host that is forwarded to the guest's.
    let port: Int
    /// Whether anything has come from the port.
    private(set) var hasAnswered = false

    init(order: AttemptOrder, folder: AttemptFolder, plan: TestPlan, port: Int) {
        self.order = order
        self.folder = folder
        self.plan = plan
        self.port = port
    }

    private var files: TestFiles { TestFiles(folder: folder) }

    /// What SSH printed at the last login attempt.
    var sshOutput: String { plan.login == nil ? "" : files.tail(of: files.sshLog) }

    /// One probe. A guest that is silent for `patience` is to be probed again: QEMU accepts a
    /// connection at once, but forwards it only when the guest does.
    mutating func check(
        _ guest: TestGuest, patienceMilliseconds patience: Int64, until deadline: Int64
    ) throws -> Bool {
        guard try respondsToTCP(patience) else { return false }
        hasAnswered = true
        guard let login = plan.login else { return true }
        let shell = GuestShell(order: order, folder: folder, login: login, port: port)
        let log = try Descriptor(files.sshLog, O_WRONLY | O_CREAT | O_TRUNC)
        let child: ChildProcess
        do {
            child = try ChildProcess(
                shell.command(GuestSSH.probe), streams: .init(error: log.raw))
        } catch {
            throw Fault(.infrastructure, .hostError, "the SSH client cannot be run: \(error)")
        }
        _ = try Wait.readable([child.pidfd.raw], until: deadline)
        guard let status = try child.reap() else {
            child.signalGroup(SIGKILL)
            _ = try Wait.readable(
                [child.pidfd.raw],
                until: Clocks.monotonicMilliseconds() + AgentLimits.guestQueryMilliseconds)
            _ = try child.reap()
            return false
        }
        return status.isSuccess
    }

    /// Only a guest that is up sends anything. A server that waits for its client to send first
    /// gets an HTTP request: WinRM is such a server.
    private func respondsToTCP(_ patience: Int64) throws -> Bool {
        let connection = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        guard connection.raw >= 0 else { throw SystemError.last("cannot open a socket") }
        guard LoopbackSocket.connect(connection.raw, port: UInt16(port)) else { return false }
        if try receivesByte(connection, patience) { return true }
        // SSH servers send first.
        if plan.login != nil { return false }
        try? connection.writeAll(Array("GET / HTTP/1.0\r\nHost: guest\r\n\r\n".utf8))
        return try receivesByte(connection, patience)
    }

    private func receivesByte(
        _ connection: borrowing Descriptor, _ patience: Int64
    ) throws -> Bool {
        let deadline = Clocks.monotonicMilliseconds() + patience
        guard try Wait.readable([connection.raw], until: deadline) else { return false }
        var byte: UInt8 = 0
        return recv(connection.raw, &byte, 1, 0) == 1
    }
}
