public import BuildProtocol

/// An OpenStack region: Keystone v3 and Glance v2. What proves the login is the secret: the
/// password, the secret of the application credential, or the token.
public struct OpenStackSettings: Sendable, Hashable, Codable {
    public enum Visibility: String, Sendable, Codable, CaseIterable {
        case `public`, community, shared, `private`
    }

    public enum Interface: String, Sendable, Codable, CaseIterable {
        case `public`, `internal`, admin
    }

    /// How to log in. Exactly one of them decides which of the names below are needed.
    public enum Authentication: String, Sendable, Codable, CaseIterable {
        /// `username` and its domain; the project by name and domain, or by id.
        case password
        /// `applicationCredential`, which has its project.
        case applicationCredential
        /// Perhaps the project, by name and domain or by id. It expires within hours.
        case token
    }

    /// Of Keystone, with or without a version.
    public var authURL: String
    public var authentication: Authentication
    /// The id of the application credential.
    public var applicationCredential: String?
    /// A domain's id counts instead of its name, if it is given.
    public var userDomain: String
    public var userDomainID: String?
    public var projectDomain: String
    public var projectDomainID: String?
    public var project: String
    /// Instead of the project's name and domain.
    public var projectID: String?
    public var username: String
    /// Empty: the only region of the catalog.
    public var region: String
    public var interface: Interface
    /// Glance's URL instead of the catalog's.
    public var imageURL: String?
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
        project: String = "", username: String = "", region: String = "",
        interface: Interface = .public, caFile: String? = nil, format: ReleaseFormat? = nil,
        visibility: Visibility = .private, members: [String] = [], keep: Int = 2,
        hook: String? = nil
    ) {
        self.authURL = authURL
        authentication = .password
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

    enum CodingKeys: String, CodingKey, CaseIterable {
        case authURL, authentication, applicationCredential, userDomain, userDomainID
        case projectDomain, projectDomainID, project, projectID, username, region, interface
        case imageURL, caFile, format, visibility, members, keep, hook
    }

    /// Missing keys get the defaults of `init`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(authURL: try container.decode(String.self, forKey: .authURL))
        try container.replace(&project, .project)
        try container.replace(&username, .username)
        authentication =
            try container.word(Authentication.self, .authentication) ?? authentication
        applicationCredential = try container.decodeIfPresent(
            String.self, forKey: .applicationCredential)
        userDomainID = try container.decodeIfPresent(String.self, forKey: .userDomainID)
        projectDomainID = try container.decodeIfPresent(String.self, forKey: .projectDomainID)
        projectID = try container.decodeIfPresent(String.self, forKey: .projectID)
        imageURL = try container.decodeIfPresent(String.self, forKey: .imageURL)
        try container.replace(&userDomain, .userDomain)
        try container.replace(&projectDomain, .projectDomain)
        try container.replace(&region, .region)
        interface = try container.word(Interface.self, .interface) ?? interface
        caFile = try container.decodeIfPresent(String.self, forKey: .caFile)
        format = try container.word(ReleaseFormat.self, .format)
        visibility = try container.word(Visibility.self, .visibility) ?? visibility
        try container.replace(&members, .members)
        try container.replace(&keep, .keep)
        hook = try container.decodeIfPresent(String.self, forKey: .hook)
    }
}

/// Replaced images that an environment keeps.
public enum KeptImagesBound: NumberBound { public static let range = 0...100 }
