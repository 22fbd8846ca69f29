/// A user in one project of a cloud. The description leaves the password out.
public struct CloudLogin: Sendable, Hashable, CustomStringConvertible {
    public enum Interface: String, Sendable, CaseIterable {
        case `public`, `internal`, admin
    }

    /// Keystone, with or without `/v3`.
    public var authURL: String
    public var username: String
    public var password: String
    public var userDomain = "Default"
    public var project: String
    public var projectDomain = "Default"
    /// `nil` if the catalog has one region only.
    public var region: String?
    public var interface = Interface.public

    public init(authURL: String, username: String, password: String, project: String) {
        self.authURL = authURL
        self.username = username
        self.password = password
        self.project = project
    }

    public var description: String { "\(username) of project \(project) at \(identityURL)" }

    /// Keystone's address with its version.
    var identityURL: String {
        var url = authURL[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        return url.hasSuffix("/v3") ? String(url) : url + "/v3"
    }
}
