public import BuildProtocol

/// What others than its owner may do with a guest OS. It widens nobody's role: whoever may release
/// nothing anywhere does not release this one either.
public struct GuestOSGrant: Sendable, Hashable, Codable {
    public enum Grantee: Sendable, Hashable {
        case team(String)
        case user(String)

        public var words: String {
            switch self {
            case .team(let name): "team \(name)"
            case .user(let name): "user \(name)"
            }
        }
    }

    public var grantee: Grantee
    /// One of `roles`.
    public var role: Role
    @Bounded<UnixTimeBound> public var grantedMilliseconds: Int64

    /// `view` is everybody's, and `administer` nobody's for a single guest OS.
    public static let roles: [Role] = [.operator, .releaseManager]
    /// Of one guest OS: more teams than a farm has work on one image.
    public static let limit = 50

    public init(_ grantee: Grantee, _ role: Role, grantedMilliseconds: Int64) {
        self.grantee = grantee
        self.role = role
        self.grantedMilliseconds = grantedMilliseconds
    }

    /// `team web: operator`
    public var words: String { "\(grantee.words): \(role.rawValue)" }

    /// Whether it is for this caller. A user who was added after it has only the name of the one
    /// whom it was for.
    func isFor(_ caller: Caller) -> Bool {
        switch grantee {
        case .team(let name): caller.teams.contains(name)
        case .user(let name):
            caller.name == name && caller.userSinceMilliseconds <= grantedMilliseconds
        }
    }

    private enum Key: String, CodingKey {
        case team, user, right, grantedMilliseconds
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        grantee =
            if let team = try fields.decodeIfPresent(String.self, forKey: .team) {
                .team(team)
            } else {
                .user(try fields.decode(String.self, forKey: .user))
            }
        role = try fields.decode(Role.self, forKey: .right)
        _grantedMilliseconds = try fields.decode(
            Bounded<UnixTimeBound>.self, forKey: .grantedMilliseconds)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        switch grantee {
        case .team(let name): try fields.encode(name, forKey: .team)
        case .user(let name): try fields.encode(name, forKey: .user)
        }
        try fields.encode(role, forKey: .right)
        try fields.encode(grantedMilliseconds, forKey: .grantedMilliseconds)
    }
}
