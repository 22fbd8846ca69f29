import HTTPClientKit

/// An error of an engine or a registry. The description is the whole message.
public struct DockerError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// No response: name resolution, network, or connection refused.
        case unreachable
        /// Certificate, password or token is not accepted or lacks the permission.
        case unauthorized
        /// The server's certificate is not trusted.
        case untrusted
        case notFound
        case conflict
        /// The response was an error with this status.
        case refused(Int)
        /// A response that ended with an error or is malformed.
        case failed
        /// A request that no server can fulfil: a definition with an unknown key.
        case invalid
        /// A container that exited, or became or stayed unhealthy.
        case unhealthy
        case cancelled
    }

    public var kind: Kind
    public var message: String
    public var isPermanent: Bool

    public init(_ kind: Kind, _ message: String, isPermanent: Bool? = nil) {
        self.kind = kind
        self.message = message
        self.isPermanent =
            isPermanent
            ?? {
                switch kind {
                case .unreachable, .failed, .conflict, .cancelled: false
                case .refused(let status):
                    (400..<500).contains(status) && ![408, 425, 429].contains(status)
                case .unauthorized, .untrusted, .notFound, .invalid, .unhealthy: true
                }
            }()
    }

    public var description: String { message }
}

extension DockerError {
    /// - Parameters:
    ///   - operation: what failed: "cannot pull x on 10.0.0.1".
    ///   - reason: the error message of the server, if it sent one.
    init(_ error: HTTPClientError, _ operation: String, reason: String? = nil) {
        let text = reason.map { "\(operation): \($0)" } ?? "\(operation): \(error.message)"
        switch error.kind {
        case .certificateRefused: self.init(.unauthorized, text)
        case .tls: self.init(.untrusted, text)
        case .status(let status): self.init(status: status, text)
        case .couldNotResolve, .refused, .timedOut, .stalled, .broken, .busy:
            self.init(.unreachable, text)
        case .cancelled: self.init(.cancelled, text)
        default: self.init(.failed, text, isPermanent: error.isPermanent)
        }
    }

    init(status: Int, _ text: String) {
        switch status {
        case 401, 403: self.init(.unauthorized, text)
        case 404: self.init(.notFound, text)
        case 409: self.init(.conflict, text)
        default: self.init(.refused(status), text)
        }
    }
}
