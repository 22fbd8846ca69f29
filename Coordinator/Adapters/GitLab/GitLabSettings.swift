/// Where the GitLab server is and as whom it is asked.
public struct GitLabSettings: Sendable {
    /// `https://gitlab.example.org`, with a path where it has one.
    public var url: String
    /// Of a user or group that may make projects in the group.
    public var token: String
    /// Path of the group that the projects are in; may be a subgroup.
    public var group: String
    /// Where GitLab reports pushes.
    public var hookURL: String
    /// What GitLab shows with each report, so that nobody else can make one.
    public var hookSecret: String

    public init(url: String, token: String, group: String, hookURL: String, hookSecret: String) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
        self.group = group
        self.hookURL = hookURL
        self.hookSecret = hookSecret
    }
}
