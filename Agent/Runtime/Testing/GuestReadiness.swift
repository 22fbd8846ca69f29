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

    private var files: TestFiles { TestFiles(folder: folder) }

    /// What SSH printed at the last login attempt.
    var sshOutput: String { plan.login == nil ? "" : files.tail(of: files.sshLog) }

    /// One probe. A guest that is silent for `patience` is to be probed again: QEMU accepts a
    /// connection at once, but forwards it only when the guest does.
    func check(
        _ guest: TestGuest, patienceMilliseconds patience: Int64, until deadline: Int64
    ) throws -> Bool {
        guard try respondsToTCP(patience) else { return false }
        guard let login = plan.login else { return true }
        let arguments = GuestSSH.arguments(
            user: login.user, port: port, key: login.method == .password ? nil : files.key,
            command: GuestSSH.probe)
        var environment = BuildEnvironment.common(order, folder)
        if login.method == .password {
            environment.merge(GuestSSH.askpassEnvironment(files.askpass)) { _, new in new }
        }
        let log = try Descriptor(files.sshLog, O_WRONLY | O_CREAT | O_TRUNC)
        let child: ChildProcess
        do {
            child = try ChildProcess(
                Command(arguments, environment: environment, isNewSession: true),
                streams: .init(error: log.raw))
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
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(connection.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return false }
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
