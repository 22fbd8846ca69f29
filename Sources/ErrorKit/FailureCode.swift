/// The kinds of failure that somebody tells apart: a caller, a test, a person.
public protocol FailureCode: Hashable, Sendable {
    /// Whether a retry is useless until a person has changed something.
    var isPermanent: Bool { get }
}

/// Codes of errors that are mostly, or always, of one kind, which then need not be named.
public protocol UsualFailureCode: FailureCode {
    static var usual: Self { get }
}
