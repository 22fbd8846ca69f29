@_exported public import ErrorKit

/// Why SSH did not work: what happened, to which host, and what to do. The cause is a `SystemError`
/// or a `LibraryError`.
public typealias SSHError = CodedError<SSHErrorCode>

public enum SSHErrorCode: FailureCode, CaseIterable {
    /// The address as written makes no sense.
    case addressInvalid
    case nameUnknown
    case unreachable
    case refused
    case timedOut
    /// Something listens there that does not speak SSH 2.
    case notSSH
    case noCommonAlgorithm
    /// The host proved another identity than the one known.
    case hostKeyChanged
    case hostKeyInvalid
    case keyFileUnusable
    case agentUnusable
    case authenticationRefused
    /// The connection ended without our doing.
    case connectionLost
    /// `close` was called.
    case closed
    case channelRefused
    case commandRefused
    /// The command has ended or its channel was closed.
    case channelClosed
    case protocolViolated

    public var isPermanent: Bool {
        switch self {
        case .addressInvalid, .notSSH, .noCommonAlgorithm, .hostKeyChanged, .hostKeyInvalid,
            .keyFileUnusable, .authenticationRefused, .commandRefused:
            true
        case .nameUnknown, .unreachable, .refused, .timedOut, .agentUnusable, .connectionLost,
            .closed, .channelRefused, .channelClosed, .protocolViolated:
            false
        }
    }
}
