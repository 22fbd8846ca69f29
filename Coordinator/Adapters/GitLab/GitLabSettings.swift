/// Address and credentials of the GitLab server.
public struct GitLabSettings: Sendable {
    /// `https://gitlab.example.org`, with a path if it has one.
    public var url: String
    /// Of a user or group that may create projects in the group.
    public var token: String
    /// Path of the group that contains the projects; may be a subgroup.
    public var group: String
    /// The URL to which GitLab reports pushes.
    public var hookURL: String
    /// The secret that GitLab sends with each push, so that nobody else can report one.
    public var hookSecret: String

    public init(url: String, token: String, group: String, hookURL: String, hookSecret: String) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
        self.group = group
        self.hookURL = hookURL
        self.hookSecret = hookSecret
    }
}
