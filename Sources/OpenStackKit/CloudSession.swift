public import HTTPClientKit

/// Logs in when a token is needed, and keeps the token until it is about to expire.
public actor CloudSession {
    public nonisolated let login: CloudLogin
    nonisolated let http: HTTPClient
    nonisolated let limits: OpenStackLimits
    private var current: CloudToken?
    private var service: ImageService?
    /// How images get into a cloud that was seen to refuse uploads.
    private(set) var importMethod: ImportMethod?

    /// - Parameter http: must not follow redirects by itself: they would carry the token along.
    public init(
        _ login: CloudLogin, http: HTTPClient = HTTPClient(),
        limits: OpenStackLimits = OpenStackLimits()
    ) {
        self.login = login
        self.http = http
        self.limits = limits
    }

    /// The current token, or a new one if there is none or it is about to expire.
    func token() async throws(CloudError) -> CloudToken {
        if let current, current.isFresh { return current }
        return try await logIn()
    }

    /// A token other than the one that was rejected.
    func token(after refused: CloudToken) async throws(CloudError) -> CloudToken {
        if let current, current.secret != refused.secret, current.isFresh { return current }
        return try await logIn()
    }

    private func logIn() async throws(CloudError) -> CloudToken {
        let token = try await Keystone(login: login, http: http, limits: limits).token()
        current = token
        return token
    }

    /// The URL of a service in the region and interface of the login, without a trailing slash.
    public func endpoint(_ service: String) async throws(CloudError) -> String {
        if service == "image", let url = login.imageURL { return url.withoutLastSlashes }
        return try ServiceChoice(login, try await token().catalog, service).url()
    }

    /// Where Glance is, found out once.
    func imageService() async throws(CloudError) -> ImageService {
        if let service { return service }
        let url = try await endpoint("image")
        let found = try await ImageServiceDiscovery(
            url: url, token: try await token().secret, http: http, limits: limits
        ).run()
        service = found
        return found
    }

    func use(importMethod method: ImportMethod) { importMethod = method }

    /// The name of the import by which the last upload went, if it was none.
    public func importMethodName() -> String? { importMethod?.rawValue }

    /// What Keystone says of the token's end, for one that cannot be renewed; else `nil`.
    public func givenTokenEnd() async throws(CloudError) -> String? {
        guard case .token = login.credential else { return nil }
        return try await token().expiresAt
    }

    public func projectID() async throws(CloudError) -> String {
        guard let project = try await token().project else {
            throw CloudError(
                .answer, "Keystone's token for \(login) names no project")
        }
        return project.id
    }

    /// The secret of the token, for calls that this kit does not make.
    public func currentToken() async throws(CloudError) -> String { try await token().secret }

    /// Names of the roles that the user has in the project.
    public func roles() async throws(CloudError) -> [String] { try await token().roles }
}
