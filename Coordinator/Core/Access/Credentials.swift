public import BuildProtocol

/// What a program signs its requests with. The token itself is known to its user only.
public struct APIToken: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// A person's, by name and password: it stands for the person.
        case login
        /// A program's: it manages no account, so that one that leaks makes no others.
        case program
    }

    public var id: String
    public var kind: Kind
    /// What it is for, in words of its user.
    public var name: String
    public var principal: String
    /// SHA-256 of the token, in hex. A token is random, so no slower hash is needed.
    public var digest: String
    /// It gives those of them that its user has.
    public var rights: Set<Right>
    /// Names of the guest OSes that it is good for, in which `*` stands for any text.
    public var guestOSes: [String]
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    /// `nil`: until it is revoked.
    public var expiresMilliseconds: Int64?
    /// To a minute; `nil`: never.
    public var lastUsedMilliseconds: Int64?

    public init(
        id: String, kind: Kind, name: String, principal: String, digest: String,
        rights: Set<Right>, guestOSes: [String], createdMilliseconds: Int64,
        expiresMilliseconds: Int64? = nil,
        lastUsedMilliseconds: Int64? = nil
    ) {
        self.id = id
        self.kind = kind
        self.name = name
        self.principal = principal
        self.digest = digest
        self.rights = rights
        self.guestOSes = guestOSes
        self.createdMilliseconds = createdMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
        self.lastUsedMilliseconds = lastUsedMilliseconds
    }

    /// Whether the guest OS is one of those that it is good for.
    public func covers(_ guestOS: String) -> Bool {
        FarmSecret.isAllowed(guestOS, by: guestOSes)
    }

    public var coversAll: Bool { guestOSes.contains("*") }
}

/// A browser that is signed in.
public struct BrowserSession: Sendable, Hashable, Codable {
    /// SHA-256 of the cookie's value, in hex.
    public var digest: String
    public var principal: String
    public var address: String
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    /// To a minute.
    @Bounded<UnixTimeBound> public var lastUsedMilliseconds: Int64

    public init(
        digest: String, principal: String, address: String, createdMilliseconds: Int64,
        lastUsedMilliseconds: Int64
    ) {
        self.digest = digest
        self.principal = principal
        self.address = address
        self.createdMilliseconds = createdMilliseconds
        self.lastUsedMilliseconds = lastUsedMilliseconds
    }

    /// Whether it counts at this time. A clock that was set back does not lengthen it.
    /// - Parameter noted: a later use, which is not stored yet.
    public func isAlive(
        atMilliseconds now: Int64, lastUsed noted: Int64?, idleMilliseconds: Int64,
        longestMilliseconds: Int64
    ) -> Bool {
        let age = now - createdMilliseconds
        let idle = now - max(lastUsedMilliseconds, noted ?? lastUsedMilliseconds)
        return age > -idleMilliseconds && age < longestMilliseconds && idle < idleMilliseconds
    }
}

/// An address or a word that signs in once, in place of a password.
public struct SignInCode: Sendable, Hashable, Codable {
    /// SHA-256 of the code, in hex.
    public var digest: String
    /// `Caller.localName`: the coordinator's own machine.
    public var principal: String
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    @Bounded<UnixTimeBound> public var expiresMilliseconds: Int64

    public init(
        digest: String, principal: String, createdMilliseconds: Int64, expiresMilliseconds: Int64
    ) {
        self.digest = digest
        self.principal = principal
        self.createdMilliseconds = createdMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
    }
}
