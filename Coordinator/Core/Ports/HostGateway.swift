public import BuildProtocol
public import ErrorKit

/// Access to the hosts. Every call may fail at any time and may be retried: the work on a host does
/// not depend on the coordinator.
public protocol HostGateway: Sendable {
    /// Refuses a malformed address or host key before it is registered.
    /// - Returns: the host with its key as `type base64`, which may come as lines of `known_hosts`.
    /// - Throws: `HostFault`
    func checked(_ host: Host) throws -> Host

    /// Opens the control channel and sends `hello` with this epoch.
    /// - Throws: `HostFault`, also if the host has seen a higher epoch.
    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel

    /// Stores a template archive, or a file of a plugin, on the host's disk. May be repeated.
    /// - Throws: `HostFault`
    func deliver(_ template: TemplateArchive, to host: Host) async throws

    /// Lets the host's Packer look at the template of a build, which is on its disk.
    /// - Returns: the fault with which the build would end; `nil` if Packer takes the template.
    /// - Throws: `HostFault`, also if the host cannot tell: it is busy, or its agent is too old.
    func check(_ start: Start, on host: Host) async throws -> Fault?

    /// Streams `length` bytes of an artifact from `offset`, in order, in pieces of a few MiB at
    /// most. The sink's errors end the transfer and are rethrown.
    /// - Throws: `HostFault`
    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws

    /// The host key at `address` (`user@host:port`), for an operator to confirm.
    /// - Throws: `HostFault`
    func scanHostKey(_ address: String) async throws -> HostKey
}

/// A host's public key and the fingerprint by which people compare it.
public struct HostKey: Sendable, Hashable, Codable {
    /// `ssh-ed25519 AAAA…`
    public var key: String
    /// `SHA256:…`, as `ssh-keygen -lf` prints it.
    public var fingerprint: String

    public init(key: String, fingerprint: String) {
        self.key = key
        self.fingerprint = fingerprint
    }
}

/// One control session with an agent. Messages arrive in order or not at all.
public protocol HostChannel: Sendable {
    /// The agent's own hello.
    var hello: AgentHello { get }
    /// - Throws: `HostFault` if the session has ended.
    func send(_ message: CoordinatorMessage) async throws
    /// The next message, `nil` once the agent has closed the session.
    /// - Throws: `HostFault`
    func next() async throws -> AgentMessage?
    func close() async
}

/// Why a host cannot be used now: what happened, on which host, and what to do.
public typealias HostFault = CodedError<HostFaultCode>

public enum HostFaultCode: FailureCode {
    /// Its address, key, agent or protocol version is wrong: an admin has to change it.
    case unusable
    /// There is no connection to it, or nothing comes over it.
    case unreachable
    /// Its agent refuses the request, or breaks the protocol.
    case refused

    public var isPermanent: Bool { self == .unusable }
}
