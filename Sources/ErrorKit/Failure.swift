/// An error whose kind nobody tells apart.
public typealias Failure = CodedError<FailureKind>

public enum FailureKind: UsualFailureCode {
    case usual

    public var isPermanent: Bool { false }
}
