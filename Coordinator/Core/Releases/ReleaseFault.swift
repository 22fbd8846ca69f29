public import ErrorKit

/// Why a release did not succeed: what happened, to what, and what to do.
public typealias ReleaseFault = CodedError<ReleaseFaultCode>

public enum ReleaseFaultCode: FailureCode {
    /// The image, the environment or its settings have to be changed first.
    case rejected
    /// The environment cannot be reached, or did not finish: the next try may succeed.
    case failed
    case cancelled

    public var isPermanent: Bool { self != .failed }
}

extension ReleaseFault {
    /// As permanent as its cause.
    public init(_ message: String = "", because cause: any Error) {
        let isPermanent = (cause as? any ExplainedError)?.isPermanent ?? false
        self.init(isPermanent ? .rejected : .failed, message, cause: cause)
    }
}
