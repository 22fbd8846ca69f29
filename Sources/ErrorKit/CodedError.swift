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

extension CodedError where Code: UsualFailureCode {
    public init(_ message: String = "", cause: (any Error)? = nil) {
        self.init(.usual, message, cause: cause)
    }
}

extension CodedError: Equatable {
    /// Errors are equal if they tell programs and people the same.
    public static func == (a: CodedError, b: CodedError) -> Bool {
        a.code == b.code && a.description == b.description
    }
}

/// An error whose kind nobody tells apart.
public typealias Failure = CodedError<FailureKind>

public enum FailureKind: UsualFailureCode {
    case usual

    public var isPermanent: Bool { false }
}

/// What a C library reported, in its own words.
public struct LibraryError: Error, Hashable, CustomStringConvertible {
    public var library: String
    public var code: Int
    public var message: String

    public init(_ library: String, code: some BinaryInteger, _ message: String) {
        self.library = library
        self.code = Int(clamping: code)
        self.message = message
    }

    public var description: String { "\(message) (\(library), error \(code))" }
}
