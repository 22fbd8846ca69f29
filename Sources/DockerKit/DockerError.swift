@_exported public import ErrorKit
import HTTPClientKit

/// An error of an engine or a registry.
public typealias DockerError = CodedError<DockerErrorCode>

public enum DockerErrorCode: FailureCode {
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
    /// A replacement that failed: each retry interrupts the service, so a person should decide.
    case notReplaced
    case cancelled

    public var isPermanent: Bool {
        switch self {
        case .unreachable, .failed, .conflict, .cancelled: false
        case .refused(let status):
            (400..<500).contains(status) && ![408, 425, 429].contains(status)
        case .unauthorized, .untrusted, .notFound, .invalid, .unhealthy, .notReplaced: true
        }
    }

    init(status: Int) {
        switch status {
        case 401, 403: self = .unauthorized
        case 404: self = .notFound
        case 409: self = .conflict
        default: self = .refused(status)
        }
    }
}

extension DockerError {
    /// - Parameters:
    ///   - operation: what failed: "cannot pull x on 10.0.0.1".
    ///   - reason: the error message of the server, if it sent one.
    init(_ error: HTTPClientError, _ operation: String, reason: String? = nil) {
        let code: DockerErrorCode =
            switch error.code {
            case .certificateRefused: .unauthorized
            case .tls: .untrusted
            case .status(let status): DockerErrorCode(status: status)
            case .couldNotResolve, .refused, .timedOut, .stalled, .broken, .busy: .unreachable
            case .cancelled: .cancelled
            default: error.isPermanent ? .invalid : .failed
            }
        if let reason {
            self.init(code, "\(operation): \(reason)")
        } else {
            self.init(code, operation, cause: error)
        }
    }

    init(status: Int, _ text: String) {
        self.init(DockerErrorCode(status: status), text)
    }
}
