/// Why SSH did not work: a code for programs, a sentence for people that says what happened, to
/// which host, and what to do.
public struct SSHError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable, CaseIterable {
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
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// Trying again does not help before a person has changed something.
    public var isPermanent: Bool {
        switch code {
        case .addressInvalid, .notSSH, .noCommonAlgorithm, .hostKeyChanged, .hostKeyInvalid,
            .keyFileUnusable, .authenticationRefused, .commandRefused:
            true
        case .nameUnknown, .unreachable, .refused, .timedOut, .agentUnusable, .connectionLost,
            .closed, .channelRefused, .channelClosed, .protocolViolated:
            false
        }
    }
}
