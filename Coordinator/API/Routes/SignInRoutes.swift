import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// How people sign in and out: by a page, by a code, or from a program.
enum SignInRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/sign-in") { request, _ in
            // What only looks at links must not use them up.
            guard let code = request.query["code"], request.method == "GET" else {
                return SignInPage.response(api, request, to: request.query["to"])
            }
            // Else a link on another site would sign a person in as somebody else.
            if let site = request.headers["Sec-Fetch-Site"],
                !["none", "same-origin"].contains(site)
            {
                throw Problem.forbidden(
                    "Another site led here", remedy: "Copy the address into the browser yourself")
            }
            let name = try await api.leader().signIns.take(code: code)
            let isFirst = name == Caller.localName && FirstAdministratorPage.isNeeded(api)
            return try await openSession(
                of: name, request, api,
                to: isFirst ? FirstAdministratorPage.path : request.query["to"])
        }
        router.on("POST", "/sign-in") { request, _ in
            let form = try signInForm(request)
            let to = form["to"]
            do {
                let user = try await api.leader().signIns.signIn(
                    form["name"] ?? "", form["password"] ?? "", address: request.remoteAddress)
                return try await openSession(of: user.name, request, api, to: to)
            } catch let fault as SignInFault {
                return SignInPage.response(
                    api, request, to: to, name: form["name"], problem: problem(fault, api))
            }
        }
        router.on("POST", "/sign-out") { request, _ in
            try await signOut(request, api)
            return HTTPResponse(
                status: 303,
                headers: [
                    "Location": "/sign-in", "Cache-Control": "no-store",
                    "Set-Cookie": BrowserCookie.session.removal(isSecure: api.isSecure(request)),
                ])
        }
        router.on("POST", "/api/v1/sign-in-codes") { request, _ in
            let code = try await api.leader().signIns.newCode(for: api.caller(request).name)
            let path = "/sign-in?code=\(code)"
            return try .json(
                Code(
                    path: path,
                    url: api.url.map { ($0.hasSuffix("/") ? String($0.dropLast()) : $0) + path },
                    expiresSeconds: AccessTimes.codeMilliseconds / 1000),
                status: 201)
        }
        router.on("POST", "/api/v1/sign-in") { request, _ in
            let form = try request.decode(Form.self)
            let user = try await api.leader().signIns.signIn(
                form.name, form.password, address: request.remoteAddress)
            return try await newToken(of: user, form.tokenName, form.days, api.leader())
        }
        router.on("POST", "/api/v1/sign-out", query: ["everywhere"]) { request, _ in
            try await signOut(request, api)
            return .empty
        }
    }

    /// For a command line, which stands for its user.
    static func newToken(
        of user: Principal, _ name: String?, _ days: Int?, _ leader: Leader
    ) async throws -> HTTPResponse {
        let caller = Caller(name: user.name, way: .nobody, role: user.role, teams: user.teams)
        let (secret, token) = try await leader.tokens.add(
            TokenForm(name: name ?? "sign-in", days: days), .login, for: caller)
        return try .json(NewTokenView(token: secret, APITokenView(token)), status: 201)
    }

    private struct Form: Decodable {
        var name, password: String
        var tokenName: String?
        var days: Int?
    }

    private struct Code: Encodable {
        var path: String
        /// As people reach it; `nil` if the configuration does not say how.
        var url: String?
        var expiresSeconds: Int64
    }

    /// Only from a page of this coordinator: another site is not to sign a person in as somebody
    /// else.
    private static func signInForm(_ request: HTTPRequest) throws -> HTTPQuery {
        guard request.isOfOwnPage else {
            throw Problem.forbidden(
                "The request was not sent by a page of this coordinator",
                remedy: "Programs sign in at POST /api/v1/sign-in")
        }
        return try HTTPQuery(decoding: String(decoding: request.body, as: UTF8.self))
    }

    private static func openSession(
        of name: String, _ request: HTTPRequest, _ api: APIContext, to: String?
    ) async throws -> HTTPResponse {
        // Always a new one: a session that a stranger put into the browser is not taken over.
        let session = try await api.leader().signIns.openSession(
            of: name, address: request.remoteAddress)
        return BrowserSignInRoutes.redirect(
            to: SignInPage.ownPath(to),
            cookies: [BrowserCookie.session.header(session, isSecure: api.isSecure(request))])
    }

    /// Ends the session, or revokes the token, that the request has; with `everywhere`, all
    /// sessions of the user.
    private static func signOut(_ request: HTTPRequest, _ api: APIContext) async throws {
        let caller = try api.caller(request)
        let leader = try api.leader()
        if request.query["everywhere"] == "true" {
            guard caller.isPerson else { throw AccessControl.programs }
            return try await leader.signIns.signOutEverywhere(caller.name)
        }
        switch caller.way {
        case .session(let digest):
            try await leader.signIns.signOut(sessionDigest: digest, of: caller.name)
        case .token(let id, _):
            try await leader.tokens.remove(id: id, isAny: false, by: caller.name)
        case .machine, .nobody: break
        }
    }

    static func problem(_ fault: SignInFault, _ api: APIContext) -> Problem {
        switch fault {
        case .wrong:
            .unauthorized(
                "The name or the password is wrong",
                remedy: "An administrator can set a new password: aibuild user passwd NAME"
                    + (api.ports.browserIdentities.map {
                        ". Who has an account at \($0.label): aibuild login --browser"
                    } ?? ""))
        case .disabled:
            .forbidden(
                "You are known here, but the account is disabled",
                remedy: "Ask an administrator: aibuild user enable NAME")
        case .noRole(let has, let accepted):
            .forbidden(
                "You are signed in, but nothing that you have gives a role here: you have "
                    + "\(list(has)); accepted is \(list(accepted))",
                remedy: "Ask for one of the accepted ones, or an administrator of this coordinator "
                    + "to accept another (sign_in in coordinator.yml)")
        case .takenName(let name):
            .forbidden(
                "You are signed in, but the name \(Names.quoted(name)) belongs to another user",
                remedy: "Ask an administrator of this coordinator: aibuild user list")
        case .lostVisit:
            .forbidden(
                "This browser was not sent to sign in elsewhere, or it was too long ago",
                remedy: "Begin again, in one window, at an address of this coordinator")
        case .tooMany(let seconds):
            Problem(
                status: 429, detail: "Too many sign-ins have failed from here, or for this name",
                remedy: "Try again in \(seconds) seconds", headers: ["Retry-After": "\(seconds)"])
        case .usedCode:
            .unauthorized(
                "This address has been used, or is too old",
                remedy: "Begin again: aibuild web, or aibuild login --browser")
        }
    }

    private static func list(_ words: [String]) -> String {
        words.isEmpty
            ? "none" : words.prefix(20).map { Names.quoted($0) }.joined(separator: ", ")
    }
}
