import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TextKit

/// The running network of an isolated program. It ends with this value.
struct NetworkHelper: ~Copyable {
    private let process: ChildProcess
    /// The helper exits when this end is closed, also by the death of this process.
    private let lifeline: Descriptor

    /// Attaches slirp4netns to the network namespace of a process, and sets its routes.
    init(
        of pid: Int32, _ folder: AttemptFolder, _ isolation: Isolation,
        environment: [String: String], group: ControlGroup?
    ) throws {
        // Before, a program that enters the namespace has no rights in it.
        let deadline = Clocks.monotonicMilliseconds() + AgentLimits.isolationMilliseconds
        while !Namespaces.hasUserMap(pid), Clocks.monotonicMilliseconds() < deadline {
            poll(nil, 0, 1)
        }
        let namespaces = try Namespaces.network(of: pid)
        var ready = try Pipe()
        var lifeline = try Pipe(readBy: .child)
        let log = try Descriptor(folder.networkLog, O_WRONLY | O_CREAT | O_TRUNC)
        let first = 3
        let process = try ChildProcess(
            Command(
                AttemptNetwork.arguments(
                    ready: first, exit: first + 1, user: first + 2, network: first + 3),
                environment: environment, workFolder: "/"),
            streams: .init(output: log.raw, error: log.raw),
            passed: [
                ready.writeDescriptor, lifeline.readEnd.raw, namespaces.user.raw,
                namespaces.network.raw,
            ], group: group)
        ready.closeWriteEnd()
        let writeEnd = lifeline.takeWriteEnd()
        guard Self.isReady(ready) else { throw Self.fault(folder, "slirp4netns") }
        try Self.setRoutes(namespaces, folder, isolation, environment)
        self.process = process
        self.lifeline = writeEnd
    }

    private static func isReady(_ pipe: borrowing Pipe) -> Bool {
        let limit = Int32(AgentLimits.isolationMilliseconds)
        guard (try? Wait.readable([pipe.readEnd.raw], timeoutMilliseconds: limit)) == [true] else {
            return false
        }
        return (try? pipe.read(upTo: 8))?.isEmpty == false
    }

    private static func setRoutes(
        _ namespaces: borrowing NetworkNamespace, _ folder: AttemptFolder,
        _ isolation: Isolation, _ environment: [String: String]
    ) throws {
        let routes = AttemptNetwork.routes(
            isolation.networks, hostAddresses: IPv4Network.ofThisHost())
        try Descriptor(folder.routes, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(routes.utf8))
        let log = try Descriptor(folder.networkLog, O_WRONLY | O_APPEND)
        let command = Command(
            [
                "nsenter", "--user=/proc/self/fd/3", "--net=/proc/self/fd/4",
                "--preserve-credentials", "ip", "-batch", folder.routes,
            ], environment: environment, workFolder: "/")
        let child = try ChildProcess(
            command, streams: .init(output: log.raw, error: log.raw),
            passed: [namespaces.user.raw, namespaces.network.raw])
        _ = try Wait.readable(
            [child.pidfd.raw], timeoutMilliseconds: Int32(AgentLimits.isolationMilliseconds))
        guard try child.reap()?.isSuccess == true else { throw fault(folder, "ip") }
    }

    private static func fault(_ folder: AttemptFolder, _ program: String) -> Fault {
        let log = (try? Files.read(folder.networkLog, limitBytes: 64 << 10)) ?? []
        return Fault(
            .infrastructure, .hostError,
            "\(program) cannot give this build a network:\n"
                + String(decoding: log.suffix(AgentLimits.testOutputBytes), as: UTF8.self))
    }
}
