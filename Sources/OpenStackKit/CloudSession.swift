public import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// Logs in when a token is needed, and keeps the token until it is about to expire.
public actor CloudSession {
    public nonisolated let login: CloudLogin
    nonisolated let http: HTTPClient
    nonisolated let limits: OpenStackLimits
    private var current: CloudToken?

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

    /// The URL of a service in the region and interface of the login, without a trailing slash.
    public func endpoint(_ service: String) async throws(CloudError) -> String {
        let token = try await token()
        let all = token.catalog.filter { $0.type == service }.flatMap(\.endpoints)
        let interface = all.filter { $0.interface == login.interface.rawValue }
        let matching = interface.filter { login.region == nil || $0.region_id == login.region }
        let regions = Set(interface.compactMap(\.region_id)).sorted().joined(separator: ", ")
        if all.isEmpty {
            throw CloudError(
                .catalog,
                "the catalog of \(login) has no service '\(service)': is it the right "
                    + "cloud?")
        }
        if interface.isEmpty {
            let known = Set(all.map(\.interface)).sorted().joined(separator: ", ")
            throw CloudError(
                .catalog,
                "the catalog of \(login) has no interface '\(login.interface.rawValue)' "
                    + "of '\(service)', but \(known)")
        }
        guard let first = matching.first else {
            throw CloudError(
                .catalog,
                "the catalog of \(login) has no region '\(login.region ?? "")' for "
                    + "'\(service)', but \(regions)")
        }
        guard Set(matching.map(\.url)).count == 1 else {
            throw CloudError(
                .catalog,
                "the catalog of \(login) has several regions, so one must be named: "
                    + regions)
        }
        var url = first.url[...]
        while url.hasSuffix("/") { url = url.dropLast() }
        return String(url)
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

    private func logIn() async throws(CloudError) -> CloudToken {
        let askedAt = Clocks.monotonicMilliseconds()
        let what = "cannot log in as \(login)"
        let answer = try await ask(Authentication(login, isScoped: true), what)
        if answer.status == 401 { throw await refusal() }
        guard answer.status == 201 else { throw CloudError(answer, to: what, limits: limits) }
        guard let token = CloudToken(answer, askedAt: askedAt, limits: limits) else {
            throw CloudError(
                .answer, "\(what): what answers there is no Keystone v3")
        }
        current = token
        return token
    }

    private func ask(
        _ body: Authentication, _ what: String
    ) async throws(CloudError) -> HTTPAnswer {
        do throws(HTTPClientError) {
            return try await http.request(
                "POST", login.identityURL + "/auth/tokens",
                headers: ["Content-Type": "application/json", "Accept": "application/json"],
                body: (try? CanonicalJSON.encode(body)) ?? [], timeouts: limits.call)
        } catch {
            throw CloudError(error, to: what)
        }
    }

    /// Keystone rejects a wrong password and a project without a role for the user alike. A login
    /// without the project tells the two apart.
    private func refusal() async -> CloudError {
        let user = "user \(login.username) of domain \(login.userDomain)"
        let what = "cannot log in as \(login)"
        do throws(CloudError) {
            let answer = try await ask(Authentication(login, isScoped: false), what)
            if answer.status == 401 {
                return CloudError(
                    .credentials,
                    "\(what): Keystone takes neither name nor password of \(user); "
                        + "correct them, or the domain")
            }
            guard answer.status == 201 else {
                return CloudError(answer, to: what, limits: limits)
            }
            let known = await projects(answer.headers["X-Subject-Token"] ?? "")
            return CloudError(
                .project,
                "\(what): \(user) has no role in project \(login.project) of domain "
                    + "\(login.projectDomain)"
                    + (known.isEmpty ? ", nor in any other" : ", but in \(known)"))
        } catch {
            return error
        }
    }

    private func projects(_ token: String) async -> String {
        struct List: Decodable { var projects: [CloudToken.Project] }
        let answer = try? await http.request(
            "GET", login.identityURL + "/auth/projects", headers: ["X-Auth-Token": token],
            timeouts: limits.call)
        let list = answer.flatMap { try? JSON.decode(List.self, $0.body) }
        return ErrorWords.plain(
            (list?.projects.map(\.name) ?? []).sorted().joined(separator: ", "),
            limit: limits.shownWords)
    }
}

/// The body of a login.
private struct Authentication: Encodable {
    struct Domain: Encodable { var name: String }
    struct User: Encodable {
        var name: String
        var domain: Domain
        var password: String
    }
    struct Password: Encodable { var user: User }
    struct Identity: Encodable {
        var methods = ["password"]
        var password: Password
    }
    struct Project: Encodable {
        var name: String
        var domain: Domain
    }
    struct Scope: Encodable { var project: Project }
    struct Auth: Encodable {
        var identity: Identity
        var scope: Scope?
    }

    var auth: Auth

    init(_ login: CloudLogin, isScoped: Bool) {
        let user = User(
            name: login.username, domain: Domain(name: login.userDomain), password: login.password)
        let project = Project(name: login.project, domain: Domain(name: login.projectDomain))
        auth = Auth(
            identity: Identity(password: Password(user: user)),
            scope: isScoped ? Scope(project: project) : nil)
    }
}
