import LoopKit

/// One session of an SSH library with its socket, freed together. It contains what differs between
/// the libraries; everything else (host-key policy, login, deadlines, errors) is in
/// `SSHConnection`.
///
/// It is used on the loop's thread only, apart from the last release, when nothing else can use it.
/// No call blocks: see `Step`.
protocol Driver: AnyObject {
    /// The library's name and version, for messages.
    var library: String { get }
    /// What a newer version of the library would add, for messages; may be empty.
    var upgrade: String { get }
    /// What to do about a refused RSA user key, if the library is the reason.
    var rsaRemedy: String? { get }

    /// The descriptor to wait on.
    var fd: Int32 { get }
    var receivedBytes: UInt64 { get }
    /// Set when nothing more will arrive from the socket.
    var ending: SocketEnding? { get }
    /// What a blocked call waits for.
    var interest: Interest { get }
    /// Whether there is output that only `flush` sends.
    var hasOutput: Bool { get }
    /// Sends what the socket accepts. Returns false if something is left.
    func flush() -> Bool
    /// Must be called before each other call.
    func prepare()

    /// The supported algorithms among those that are used here, best first.
    func algorithms(_ kind: AlgorithmKind) -> [String]
    /// Sets the algorithms to negotiate. Returns false if the library supports none of `names`.
    func prefer(_ names: [String], _ kind: AlgorithmKind) -> Bool
    func handshake() throws(DriverFailure) -> Step<Void>
    /// The key that the host proved to own in the handshake.
    func hostKey() throws(SSHError) -> SSHHostKey

    /// The login methods that the host offers this user, as in `publickey,password`.
    func offeredMethods() throws(DriverFailure) -> Step<String>
    /// Logs in. Returns false if the host refuses the key.
    func logIn(with key: KeyFile, _ passphrase: String?) throws(DriverFailure) -> Step<Bool>
    /// Logs in with the first of `identities` that the host and the agent accept. Returns false if
    /// there is none.
    func logIn(
        with identities: [AgentClient.Identity], of agent: AgentClient,
        on connection: isolated SSHConnection, _ deadline: Deadline
    ) async throws -> Bool

    func openChannel(windowBytes: Int) throws(DriverFailure) -> Step<any DriverChannel>
    /// Sends a disconnect message, if that is possible without waiting.
    func disconnect()
}

extension Driver {
    /// Restricts the negotiation to the algorithms that are used here, and the host key to one type
    /// if one is expected.
    func restrict(toHostKeyType hostKeyType: String?) throws(SSHError) {
        for kind in AlgorithmKind.allCases {
            var names = algorithms(kind)
            if kind == .hostKey, let hostKeyType {
                names = AlgorithmKind.hostKeyNames(ofType: hostKeyType)
            }
            guard prefer(names, kind) else {
                throw SSHError(
                    .noCommonAlgorithm,
                    "\(library) on this machine supports no \(kind.rawValue) of "
                        + "\(names.joined(separator: ", ")). \(kind.remedy)\(upgrade).")
            }
        }
    }
}

/// How the socket of a connection ended.
enum SocketEnding: Equatable {
    case endOfStream
    case failed(errno: Int32)
}
