@_exported public import ErrorKit

/// Why a file cannot be read or written.
public typealias SheetError = CodedError<SheetErrorCode>

public enum SheetErrorCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}
