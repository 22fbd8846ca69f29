public import ErrorKit

/// Another system that knows people by name and password.
public protocol IdentityProvider: Sendable {
    var source: Principal.Source { get }
    /// - Returns: what it knows of the person; `nil` if name or password is wrong.
    /// - Throws: `PasswordFault` if it cannot say.
    func identity(_ name: String, _ password: String) async throws -> ProvidedIdentity?
}

/// Another system that asks people itself: their browsers go there, and come back with a code.
public protocol BrowserIdentityProvider: Sendable {
    var source: Principal.Source { get }
    /// As people know it.
    var label: String { get }
    var contact: ProviderContact { get }
    /// Where on this coordinator it sends browsers back to.
    var returnURL: String { get }
    /// - Parameter issuer: who the browser says that the answer is from (RFC 9207); `nil` if it
    ///   does not say.
    /// - Throws: `IdentityFault` if the answer is another system's.
    func check(issuer: String?) async throws
    /// Where the browser goes.
    /// - Throws: `IdentityFault`
    func address(for visit: BrowserVisit) async throws -> String
    /// - Parameter code: what the browser brought back.
    /// - Throws: `IdentityFault`
    func identity(code: String, of visit: BrowserVisit) async throws -> ProvidedIdentity
}

/// What became of the last questions to another system.
public struct ProviderContact: Sendable, Hashable {
    /// When it last answered as it should; `nil`: never since this coordinator started.
    public var reachedMilliseconds: Int64?
    /// What went wrong last, and when.
    public var fault: String?
    public var faultMilliseconds: Int64?

    public init() {}

    /// What has gone wrong since it last answered as it should.
    public var problem: String? {
        (faultMilliseconds ?? 0) >= (reachedMilliseconds ?? 0) ? fault : nil
    }
}

/// What ties the answer of the other system to the browser that was sent there. Nobody else knows
/// any of it.
public struct BrowserVisit: Sendable, Hashable {
    /// Comes back with the browser.
    public var state: String
    /// Comes back in what the other system has signed.
    public var nonce: String
    /// Shows the other system that who brings the code is who asked for it (PKCE, RFC 7636).
    public var verifier: String
    /// SHA-256 of the verifier, in base64url.
    public var challenge: String

    public init(state: String, nonce: String, verifier: String, challenge: String) {
        self.state = state
        self.nonce = nonce
        self.verifier = verifier
        self.challenge = challenge
    }
}

/// Who somebody is to another system, and what that gives here.
public struct ProvidedIdentity: Sendable, Hashable {
    public var name: String
    /// By which the system knows the person for good; `nil` if that is the name.
    public var subject: String?
    /// `nil`: none of what the person has there is accepted.
    public var role: Role?
    public var teams: [String]
    /// What the person has there, and what would give a role, in the words of that system.
    public var has, accepted: [String]

    public init(
        name: String, subject: String? = nil, role: Role?, teams: [String], has: [String],
        accepted: [String]
    ) {
        self.name = name
        self.subject = subject
        self.role = role
        self.teams = teams
        self.has = has
        self.accepted = accepted
    }
}

/// Why another system did not sign somebody in.
public typealias IdentityFault = CodedError<IdentityFaultCode>

public enum IdentityFaultCode: FailureCode {
    /// It cannot be asked.
    case unreachable
    /// It says no, or what it says is not believed.
    case refused

    public var isPermanent: Bool { self == .refused }
}
