/// Turns passwords into what a stolen database does not reveal them from. Slow on purpose, so few
/// passwords are hashed at a time.
public protocol PasswordHashing: Sendable {
    /// - Throws: `PasswordFault`
    func hash(_ password: String) async throws -> String
    /// Takes as long for `nil`, a name that nobody has, as for a hash.
    /// - Throws: `PasswordFault`
    func matches(_ password: String, _ hash: String?) async throws -> Bool
}

/// Why nobody can say whether a password is right.
public typealias PasswordFault = CodedError<PasswordFaultCode>

public enum PasswordFaultCode: FailureCode {
    /// Too many are waiting.
    case busy
    case failed

    public var isPermanent: Bool { self == .failed }
}
