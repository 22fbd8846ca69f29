@_exported public import ErrorKit

/// Why a server does not start.
public typealias HTTPServerError = CodedError<HTTPServerErrorCode>

public enum HTTPServerErrorCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}
