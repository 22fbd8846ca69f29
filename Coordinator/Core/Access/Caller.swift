/// Who sent a request, and what of it counts.
public struct Caller: Sendable, Hashable {
    public enum Way: Sendable, Hashable {
        /// The token in the file of the coordinator's machine.
        case machine
        case token(id: String, APIToken.Kind)
        case session(digest: String)
        /// Nobody signed in, and the coordinator lets everybody read.
        case nobody
    }

    public var name: String
    public var way: Way
    public var role: Role
    public var rights: Set<Right>
    public var teams: [String]
    /// `nil`: all of them.
    public var guestOSes: [String]?
    /// When the user was added: what an earlier one of the same name was granted does not count.
    public var userSinceMilliseconds: Int64

    public init(
        name: String, way: Way, role: Role, rights: Set<Right>? = nil, teams: [String] = [],
        guestOSes: [String]? = nil, userSinceMilliseconds: Int64 = 0
    ) {
        self.name = name
        self.way = way
        self.role = role
        self.rights = rights ?? role.rights
        self.teams = teams
        self.guestOSes = guestOSes
        self.userSinceMilliseconds = userSinceMilliseconds
    }

    /// Whoever may read the file with the token of the coordinator's machine.
    public static let localName = "local"
    public static let local = Caller(name: localName, way: .machine, role: .administrator)
    public static let anonymous = Caller(name: "anonymous", way: .nobody, role: .viewer)

    /// Whether a person, and not a program or a stranger, asks: only people manage accounts.
    public var isPerson: Bool {
        switch way {
        case .machine, .session, .token(_, .login): true
        case .token(_, .program), .nobody: false
        }
    }

    /// Why it may not do what needs this right; `nil` if it may.
    /// - Parameters:
    ///   - guestOS: what is changed; `nil`: nothing that a team owns.
    ///   - owner: its owner; `nil` if there is no such guest OS yet.
    ///   - grants: what others than the owner may do with it.
    ///   - isGiven: whether the request gives it this owner, who was another before.
    public func obstacle(
        _ right: Right, guestOS: String? = nil, owner: String? = nil, grants: [GuestOSGrant] = [],
        isGiven: Bool = false
    ) -> String? {
        guard rights.contains(right) else {
            let roles = Role.allCases.filter { $0.rights.contains(right) }.map(\.rawValue)
            return role.rights.contains(right)
                ? "The token has no right to \(right.rawValue); its rights are "
                    + rights.map(\.rawValue).sorted().joined(separator: ", ")
                : "\(name) is \(role.rawValue), and this needs the role "
                    + roles.joined(separator: " or ")
        }
        guard let guestOS else { return nil }
        if let guestOSes, !FarmSecret.isAllowed(guestOS, by: guestOSes) {
            return "The token is not good for the guest OS \(guestOS)"
        }
        guard let owner, owner != Principal.everybody, role != .administrator,
            !teams.contains(owner), !teams.contains("*")
        else { return nil }
        let granted = grants.filter { $0.isFor(self) }.map(\.role)
        if granted.contains(where: { $0.rights.contains(right) }) { return nil }
        let own =
            switch teams.count {
            case 0: "in no team"
            case 1: "in the team \(teams[0])"
            default: "in the teams " + teams.joined(separator: ", ")
            }
        if !granted.isEmpty {
            return
                "The guest OS \(guestOS) is owned by the team \(owner), and \(name) is granted the "
                + "right of \(granted.map(\.rawValue).joined(separator: ", ")) only"
        }
        return isGiven
            ? "\(name) is \(own), and can give nothing to the team \(owner)"
            : "The guest OS \(guestOS) is owned by the team \(owner), and \(name) is \(own)"
    }
}

extension Caller {
    /// Why it may not change what concerns all guest OSes; `nil` if it may.
    public var wholeFarmObstacle: String? {
        guestOSes.map {
            "The token is only for the guest OSes \($0.joined(separator: ", ")), and this concerns "
                + "others as well"
        }
    }
}

/// Everything that decides who a request is from.
public struct AccessRecords: Sendable, Hashable {
    public var principals: [Principal]
    public var tokens: [APIToken]
    public var sessions: [BrowserSession]

    public init(
        principals: [Principal] = [], tokens: [APIToken] = [], sessions: [BrowserSession] = []
    ) {
        self.principals = principals
        self.tokens = tokens
        self.sessions = sessions
    }
}
