import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The form that makes the first administrator, for the browser in which the coordinator's machine
/// is signed in: the address that `aibuild-coordinator admin-token` prints leads here, as long as
/// nobody else could add a user.
enum FirstAdministratorPage {
    static let path = "/account/first-administrator"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", path) { request, _ in
            try isWanted(request, api) ? response(api, request) : toAccount
        }
        // A browser's session counts for changes only on a page of this coordinator.
        router.on("POST", path) { request, _ in
            guard try isWanted(request, api) else { return toAccount }
            let form = try HTTPQuery(decoding: String(decoding: request.body, as: UTF8.self))
            let (name, password) = (form["name"] ?? "", form["password"] ?? "")
            guard password == form["again"] else {
                return response(api, request, name: name, problem: "The passwords differ")
            }
            do {
                _ = try await api.leader().users.addUser(
                    name, UserForm(role: .administrator, password: password),
                    by: api.actor(request))
            } catch let refusal as Refusal {
                return response(api, request, name: name, problem: "\(refusal)")
            }
            return try await signIn(name, request, api)
        }
    }

    /// Whether nobody administers yet who has a name.
    static func isNeeded(_ api: APIContext) -> Bool {
        !api.ports.directory.records.principals.contains {
            $0.role == .administrator && !$0.isDisabled
        }
    }

    private static func isWanted(_ request: HTTPRequest, _ api: APIContext) throws -> Bool {
        try api.caller(request).name == Caller.localName && isNeeded(api)
    }

    private static var toAccount: HTTPResponse {
        BrowserSignInRoutes.redirect(to: "/account", cookies: [])
    }

    /// As the new administrator, and no longer as the machine.
    private static func signIn(
        _ name: String, _ request: HTTPRequest, _ api: APIContext
    ) async throws -> HTTPResponse {
        let signIns = try api.leader().signIns
        if case .session(let digest) = try api.caller(request).way {
            try await signIns.signOut(sessionDigest: digest, of: Caller.localName)
        }
        let session = try await signIns.openSession(of: name, address: request.remoteAddress)
        return BrowserSignInRoutes.redirect(
            to: "/",
            cookies: [BrowserCookie.session.header(session, isSecure: api.isSecure(request))])
    }

    private static func response(
        _ api: APIContext, _ request: HTTPRequest, name: String = "", problem: String? = nil
    ) -> HTTPResponse {
        let why = problem.map { problem -> Markup in
            "<p class=\"problem\" role=\"alert\">\(problem).</p>"
        }
        let bytes = AccessBounds.passwordBytes
        let body: Markup = """
            <h1>The first administrator</h1>\(why)
            <p>Nobody administers this coordinator yet. Choose the name and the password with which
            you sign in from now on.</p>
            <form class="sign-in" method="post" action="\(path)">
            <label>Name <input name="name" autocomplete="username" required autofocus
            maxlength="\(AccessBounds.nameBytes)" value="\(name)"></label>
            <label>Password <input name="password" type="password" autocomplete="new-password"
            minlength="\(bytes.lowerBound)" maxlength="\(bytes.upperBound)" required></label>
            <label>Password again <input name="again" type="password"
            autocomplete="new-password" required></label>
            <button class="primary">Add administrator</button></form>
            <p class="note">Others are added with <code>aibuild user add</code>.
            <a href="/">Continue without</a></p>
            """
        var response = api.page(
            Page(title: "The first administrator", body: body), request)
        response.status = problem == nil ? 200 : 400
        return response
    }
}
