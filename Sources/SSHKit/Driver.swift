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

/// The outcome of a call of an SSH library that did not fail. No call blocks; one that is not done
/// must be repeated with the same arguments.
enum Step<Value> {
    case done(Value)
    /// Nothing more can be done until the socket is ready.
    case blocked
    /// More can be done at once, but other sessions on the loop come first.
    case unfinished
}

/// A command on the host, as an SSH library carries it. As with `Driver`, no call blocks.
protocol DriverChannel: AnyObject {
    func start(_ command: String) throws(DriverFailure) -> Step<Void>
    /// Reads standard output into `room`: a count, which is 0 only at the end. Standard error
    /// shares the window, so it is read too: a command that writes only there would otherwise fill
    /// it and wait for ever.
    func read(into room: UnsafeMutableRawBufferPointer) throws(DriverFailure) -> Step<Int>
    /// Accepts some of `bytes`, sent or not: how many, at least one.
    func write(_ bytes: ArraySlice<UInt8>) throws(DriverFailure) -> Step<Int>
    /// Sends what `write` accepted.
    func flush() throws(DriverFailure) -> Step<Void>
    func sendEOF() throws(DriverFailure) -> Step<Void>
    /// The status of the command once it has ended; nil if a signal ended it.
    func exitStatus() throws(DriverFailure) -> Step<Int32?>
    var stderrTail: ByteTail { get }
    /// Sends a request to the host; done when a reply has arrived, or when none can be expected.
    func probe() throws(DriverFailure) -> Step<Void>
    /// Closes the channel and frees it. Must be the last call.
    func close() throws(DriverFailure) -> Step<Void>
}

extension DriverChannel {
    /// `read(into:)` that appends to `bytes`, up to a limit.
    func read(
        to bytes: inout [UInt8], limitBytes: Int
    ) throws(DriverFailure) -> Step<Int> {
        var outcome = Result<Step<Int>, DriverFailure>.success(.blocked)
        bytes.append(addingCapacity: limitBytes - bytes.count) { span in
            span.withUnsafeMutableBufferPointer { buffer, count in
                let room = UnsafeMutableRawBufferPointer(buffer)
                outcome = Result { () throws(DriverFailure) in try read(into: room) }
                if case .success(.done(let added)) = outcome { count += added }
            }
        }
        return try outcome.get()
    }
}

/// A failed call of an SSH library, and its scope.
struct DriverFailure: Error {
    enum Kind {
        /// Only this channel or this request; the session continues.
        case channel
        case disconnected
        /// The two ends seem to have no algorithm in common.
        case negotiation
        case notSSH
        /// The private key cannot be read.
        case key
        /// The session itself is broken.
        case session
    }

    var kind: Kind
    var cause: LibraryError
}
