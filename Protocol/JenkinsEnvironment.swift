/// What the original AIBuild's Jenkins jobs gave to the scripts of templates, besides what every
/// build has.
public struct JenkinsEnvironment: Sendable, Hashable, Codable {
    /// `GIT_COMMIT`: of the template, or the digest of its archive if it is not from Git.
    public var commit: String
    /// `ISOS_URL` of a build without a base image: the ISO with which the guest OS is registered.
    public var isosURL: String?
    /// `WEB_SERVER`: host and port of the web root.
    public var webServer: String?

    public init(commit: String, isosURL: String? = nil, webServer: String? = nil) {
        self.commit = commit
        self.isosURL = isosURL
        self.webServer = webServer
    }
}
