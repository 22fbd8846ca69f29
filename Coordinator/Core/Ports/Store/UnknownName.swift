import BuildProtocol

/// What people name; the raw value is how a message calls it.
public enum NamedKind: String, Sendable, CaseIterable {
    case guestOS = "guest OS"
    case testCase = "test case"
    case host, environment, build, release, secret, user, token
}

/// A name that nothing of its kind has: the cause of `StoreErrorCode.notFound`, from which the
/// names that may have been meant are found.
public struct UnknownName: Error, Hashable, CustomStringConvertible {
    public var kind: NamedKind
    public var name: String

    public init(_ kind: NamedKind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    public var description: String { "there is no \(kind.rawValue) named \(Names.quoted(name))" }
}
