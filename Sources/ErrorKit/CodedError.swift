/// An error of the kinds that `Code` lists.
public struct CodedError<Code: FailureCode>: ExplainedError {
    public var code: Code
    public var message: String
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String = "", cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}
