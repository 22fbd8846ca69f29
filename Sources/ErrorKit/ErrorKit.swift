//! ErrorKit: the one base of errors. A code for programs, a message for people, the cause as a
//! value, and whether a retry can help. Pure, so that every module may import it. A module that
//! declares errors exports ErrorKit, so that whoever catches them sees their members.

/// The kinds of failure that somebody tells apart: a caller, a test, a person.
public protocol FailureCode: Hashable, Sendable {
    /// Whether a retry is useless until a person has changed something.
    var isPermanent: Bool { get }
}

/// Codes of errors that are mostly, or always, of one kind, which then need not be named.
public protocol UsualFailureCode: FailureCode {
    static var usual: Self { get }
}

/// What all errors of the product have. Most are a `CodedError`; one with more values, such as a
/// place in a file, conforms itself.
public protocol ExplainedError: Error, CustomStringConvertible {
    associatedtype Code: FailureCode

    var code: Code { get }
    /// What happened, to what, and what to do. Empty if the cause says it all.
    var message: String { get }
    /// The error that led to this one; `nil` if this part found the failure itself.
    var cause: (any Error)? { get }
    var isPermanent: Bool { get }
}

extension ExplainedError {
    public var isPermanent: Bool { code.isPermanent }

    /// The nearest error of this type among the causes: this one's, its cause's, and so on.
    public func underlying<E: Error>(_ type: E.Type) -> E? {
        var next = cause
        while let error = next {
            if let found = error as? E { return found }
            next = (error as? any ExplainedError)?.cause
        }
        return nil
    }

    /// The whole message for a person, with the cause after it.
    public var description: String {
        guard let cause else { return message }
        if message.isEmpty { return "\(cause)" }
        guard message.hasSuffix(".") else { return "\(message): \(cause)" }
        let words = "\(cause)"
        return "\(message) Cause: \(words)" + (words.hasSuffix(".") ? "" : ".")
    }
}
