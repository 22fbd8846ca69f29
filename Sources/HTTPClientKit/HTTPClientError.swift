@_exported public import ErrorKit
public import HTTPTypes

/// Why a transfer failed.
public struct HTTPClientError: ExplainedError {
    public enum Code: FailureCode {
        case invalidRequest
        case couldNotResolve
        case refused
        case timedOut
        /// No byte came or went for too long.
        case stalled
        case tls
        /// The server does not take the client's certificate, or wants one.
        case certificateRefused
        /// The connection broke before the answer was complete.
        case broken
        case status(Int)
        case protocolForbidden
        /// The address filter of the request refuses the server's address.
        case addressForbidden
        case tooManyRedirects
        /// The answer is larger than what was allowed.
        case tooLarge
        /// The server's file is shorter than the offset to resume at, or the answer's range is not
        /// the requested one: start over.
        case rangeRefused
        /// A `file:` URL whose file cannot be read.
        case fileUnreadable
        /// The receiver of the bytes failed; see `cause`.
        case receiver
        /// What was to be sent could not be read; see `cause`.
        case source
        case busy
        case cancelled
        case other

        public var isPermanent: Bool {
            switch self {
            case .invalidRequest, .tls, .certificateRefused, .protocolForbidden, .addressForbidden,
                .tooManyRedirects, .tooLarge, .fileUnreadable:
                true
            case .status(let status):
                (400..<500).contains(status) && ![408, 425, 429].contains(status)
            default: false
            }
        }
    }

    public var code: Code
    public var message: String
    /// What the server said of its refusal, where it said so.
    public var problem: Problem?
    /// What came with the status of a refusal, or its beginning.
    public var body: [UInt8] = []
    /// What the caller's own receiver or source threw.
    public var cause: (any Error)?

    init(
        _ code: Code, _ message: String, problem: Problem? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.problem = problem
        self.cause = cause
    }
}
