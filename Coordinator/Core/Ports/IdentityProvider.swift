/// Another system that knows people by name and password.
public protocol IdentityProvider: Sendable {
    var source: Principal.Source { get }
    /// - Returns: what it knows of the person; `nil` if name or password is wrong.
    /// - Throws: `PasswordFault` if it cannot say.
    func identity(_ name: String, _ password: String) async throws -> ProvidedIdentity?
}

/// Who somebody is to another system, and what that gives here.
public struct ProvidedIdentity: Sendable, Hashable {
    /// `nil`: none of what the person has there is accepted.
    public var role: Role?
    public var teams: [String]
    /// What the person has there, and what would give a role, in the words of that system.
    public var has, accepted: [String]

    public init(role: Role?, teams: [String], has: [String], accepted: [String]) {
        self.role = role
        self.teams = teams
        self.has = has
        self.accepted = accepted
    }
}
