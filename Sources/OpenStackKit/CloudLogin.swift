/// Who works in which project of a cloud. The description leaves secrets out.
public struct CloudLogin: Sendable, Hashable, CustomStringConvertible {
    public enum Interface: String, Sendable, CaseIterable {
        case `public`, `internal`, admin
    }

    /// A domain by its name or its id.
    public enum Domain: Sendable, Hashable {
        case name(String)
        case id(String)
    }

    public enum Project: Sendable, Hashable {
        case name(String, domain: Domain)
        case id(String)
        /// That of the application credential, or of the token.
        case ofCredential
    }

    public enum Credential: Sendable, Hashable {
        case password(String, user: String, domain: Domain)
        /// Belongs to one user and one project.
        case application(id: String, secret: String)
        /// Expires, and cannot be renewed.
        case token(String)
    }

    /// Keystone, with or without a version.
    public var authURL: String
    public var credential: Credential
    public var project: Project
    /// `nil` if the catalog has one region only.
    public var region: String?
    public var interface = Interface.public
    /// Glance's address instead of the catalog's.
    public var imageURL: String?

    public init(authURL: String, _ credential: Credential, project: Project = .ofCredential) {
        self.authURL = authURL
        self.credential = credential
        self.project = project
    }

    /// A user and a project of the domain `Default`.
    public init(authURL: String, username: String, password: String, project: String) {
        self.init(
            authURL: authURL,
            .password(password, user: username, domain: .name("Default")),
            project: .name(project, domain: .name("Default")))
    }

    public var description: String {
        let who =
            switch credential {
            case .password(_, let user, _): user
            case .application(let id, _): "application credential \(id)"
            case .token: "the owner of a token"
            }
        let place =
            switch project {
            case .name(let name, _): " of project \(name)"
            case .id(let id): " of project \(id)"
            case .ofCredential: ""
            }
        return "\(who)\(place) at \(KeystoneAddress(authURL)?.identityURL ?? authURL)"
    }
}

extension CloudLogin.Domain: CustomStringConvertible {
    public var description: String {
        switch self {
        case .name(let name): name
        case .id(let id): id
        }
    }
}
