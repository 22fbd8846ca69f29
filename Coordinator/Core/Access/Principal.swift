public import BuildProtocol

/// A person or a program that the coordinator knows by name.
public struct Principal: Sendable, Hashable, Codable {
    public var name: String
    /// Who judges the password.
    public var source: Source
    /// By which the source knows it for good, whatever its name there becomes; `nil`: by the name.
    public var subject: String?
    public var role: Role
    /// The owners of guest OSes that it may change, build and release, beside those of `default`,
    /// which are everybody's; `*` stands for all.
    public var teams: [String]
    /// Cannot sign in, and its tokens and sessions do not count.
    public var isDisabled: Bool
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    @Bounded<UnixTimeBound> public var changedMilliseconds: Int64
    public var changedBy: String

    public enum Source: String, Sendable, Hashable, Codable, CaseIterable {
        /// This coordinator.
        case local
        /// OpenStack's Keystone: role and teams are those of the last sign-in.
        case keystone
        /// A provider of OpenID Connect: likewise.
        case openid
    }

    public init(
        name: String, source: Source = .local, subject: String? = nil, role: Role,
        teams: [String] = [],
        isDisabled: Bool = false,
        createdMilliseconds: Int64, changedMilliseconds: Int64, changedBy: String
    ) {
        self.name = name
        self.source = source
        self.subject = subject
        self.role = role
        self.teams = teams
        self.isDisabled = isDisabled
        self.createdMilliseconds = createdMilliseconds
        self.changedMilliseconds = changedMilliseconds
        self.changedBy = changedBy
    }

    /// The owner of guest OSes that no team has.
    public static let everybody = "default"

    /// Why it cannot be stored; `nil` if it can.
    public var problem: String? {
        // A mail address is a name as well.
        let plain = name.utf8.first == UInt8(ascii: "@") ? name : name.replacing("@", with: "-")
        if let problem = Names.registeredProblem(plain, what: "name of the user") { return problem }
        if name.utf8.count > AccessBounds.nameBytes {
            return "the name of the user has more than \(AccessBounds.nameBytes) bytes"
        }
        // A row of the audit log must not be taken for what the coordinator did.
        if AccessBounds.reservedNames.contains(name) {
            return "the name \(Names.quoted(name)) is the coordinator's own: choose another one"
        }
        guard teams.count <= AccessBounds.teams else {
            return "a user can be in at most \(AccessBounds.teams) teams; * stands for all"
        }
        for team in teams where team != "*" {
            if let problem = Names.registeredProblem(team, what: "name of a team") {
                return problem
            }
        }
        return nil
    }
}

/// Limits of what people sign in by, each with its reason.
public enum AccessBounds {
    /// A team of ten has a hundred; every coordinator holds all of them in memory.
    public static let principals = 5_000
    /// Programs and command lines of one person.
    public static let tokensOfPrincipal = 100
    public static let tokens = 20_000
    /// Browsers of one person; the oldest makes room.
    public static let sessionsOfPrincipal = 20
    public static let sessions = 20_000
    /// Only people who are signed in, or who are on the coordinator's machine, ask for codes.
    public static let codes = 100
    public static let nameBytes = 64
    public static let teams = 50
    /// Shorter ones are guessed; longer ones cost time to hash.
    public static let passwordBytes = 10...256
    /// Names that rows of the audit log have without a user.
    public static let reservedNames: Set<String> = [
        "local", "api", "anonymous", "aibuild", "scheduler", "hook", "retention", "system",
        "coordinator", "keystone", "openid", "aibuild.yml",
    ]
}
