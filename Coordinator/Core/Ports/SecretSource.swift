public import ErrorKit

/// A place outside the database that keeps one secret: a file, a program, a server.
public protocol SecretSource: Sendable {
    /// Names of the guest OSes that may use it, in which `*` stands for any text.
    var guestOSes: [String] { get }
    /// Names of the environments that may use it, written likewise.
    var environments: [String] { get }
    /// `file /etc/aibuild/token`, for lists and messages; never has the value.
    var place: String { get }
    /// Reads the value anew.
    func value() async throws(SecretFault) -> Secret
}

extension SecretSource {
    public var environments: [String] { [] }
}

/// Why a secret cannot be read now: which source failed, and what to do. Never has the value.
public typealias SecretFault = CodedError<SecretFaultCode>

public enum SecretFaultCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { false }
}
