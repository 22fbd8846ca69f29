public import BuildProtocol

/// An OpenStack region: Keystone v3 by password, Glance v2. The password is the secret.
public struct OpenStackSettings: Sendable, Hashable, Codable {
    public enum Visibility: String, Sendable, Codable, CaseIterable {
        case `public`, community, shared, `private`
    }

    public enum Interface: String, Sendable, Codable, CaseIterable {
        case `public`, `internal`, admin
    }

    /// Of Keystone, with or without `/v3`.
    public var authURL: String
    public var userDomain: String
    public var projectDomain: String
    public var project: String
    public var username: String
    /// Empty: the only region of the catalog.
    public var region: String
    public var interface: Interface
    /// PEM file of the authorities that sign the endpoints' certificates; `nil`: the system's.
    public var caFile: String?
    /// `nil`: unchanged.
    public var format: ReleaseFormat?
    public var visibility: Visibility
    /// Ids of projects that a `shared` image is shared with.
    public var members: [String]
    /// Replaced images that are kept under their warehoused names.
    @Bounded<KeptImagesBound> public var keep: Int
    /// A program of the coordinator's hooks folder that must succeed before an image takes its
    /// name.
    public var hook: String?

    public init(
        authURL: String, userDomain: String = "Default", projectDomain: String = "Default",
        project: String, username: String, region: String = "",
        interface: Interface = .public, caFile: String? = nil, format: ReleaseFormat? = nil,
        visibility: Visibility = .private, members: [String] = [], keep: Int = 2,
        hook: String? = nil
    ) {
        self.authURL = authURL
        self.userDomain = userDomain
        self.projectDomain = projectDomain
        self.project = project
        self.username = username
        self.region = region
        self.interface = interface
        self.caFile = caFile
        self.format = format
        self.visibility = visibility
        self.members = members
        self.keep = keep
        self.hook = hook
    }

    /// Missing keys get the defaults of `init`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            authURL: try container.decode(String.self, forKey: .authURL),
            project: try container.decode(String.self, forKey: .project),
            username: try container.decode(String.self, forKey: .username))
        try container.replace(&userDomain, .userDomain)
        try container.replace(&projectDomain, .projectDomain)
        try container.replace(&region, .region)
        try container.replace(&interface, .interface)
        caFile = try container.decodeIfPresent(String.self, forKey: .caFile)
        format = try container.decodeIfPresent(ReleaseFormat.self, forKey: .format)
        try container.replace(&visibility, .visibility)
        try container.replace(&members, .members)
        try container.replace(&keep, .keep)
        hook = try container.decodeIfPresent(String.self, forKey: .hook)
    }
}

/// Replaced images that an environment keeps.
public enum KeptImagesBound: NumberBound { public static let range = 0...100 }

extension KeyedDecodingContainer {
    func replace<Value: Decodable>(_ value: inout Value, _ key: Key) throws {
        if let given = try decodeIfPresent(Value.self, forKey: key) { value = given }
    }
}
