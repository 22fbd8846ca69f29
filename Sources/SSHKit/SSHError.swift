public import Support

/// Why SSH did not work: a code for programs, a message that says what happened, to which host, and
/// what to do, and what the system or a library reported, if it did.
public struct SSHError: Error, Sendable, Hashable {
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

    public enum Cause: Sendable, Hashable {
        case system(SystemError)
        /// What a C library reported, in its own words.
        case library(name: String, code: Int32, message: String)
    }

    public var code: Code
    public var message: String
    public var cause: Cause?

    public init(_ code: Code, _ message: String, cause: Cause? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Whether trying again is useless until a person has changed something.
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

extension SSHError: CustomStringConvertible {
    public var description: String {
        cause.map { "\(message) Cause: \($0)." } ?? message
    }
}

extension SSHError.Cause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .library(let name, let code, let message): "\(message) (\(name), error \(code))"
        }
    }
}
