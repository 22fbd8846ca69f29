import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// How a browser is signed in by another system: it is sent there, and comes back.
enum BrowserSignInRoutes {
    static let path = "/sign-in/openid"
    private static let callback = "/callback"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", path) { request, _ in
            let to = SignInPage.ownPath(request.query["to"])
            guard request.method == "GET" else { return .empty }
            return try await page(api, request, to: to) {
                if let url = try otherAddress(request, api) {
                    return redirect(
                        to: "\(url)\(path)?moved=true&to=\(PercentCoding.encode(to))", cookies: [])
                }
                let (address, cookie) = try await api.leader().browserSignIns.begin(to: to)
                return redirect(
                    to: address,
                    cookies: [BrowserCookie.visit.header(cookie, isSecure: api.isSecure(request))])
            }
        }
        router.on("GET", path + callback) { request, _ in
            // What only looks at links must not use them up.
            guard request.method == "GET" else { return .empty }
            return try await page(api, request, to: nil) {
                let leader = try api.leader()
                let query = request.query
                let (user, to) = try await leader.browserSignIns.finish(
                    cookie: BrowserCookie.visit.value(in: request), state: query["state"] ?? "",
                    code: query["code"], words: query["error_description"] ?? query["error"],
                    issuer: query["iss"],
                    address: request.remoteAddress)
                // Always a new one: a session that a stranger put into the browser is not taken
                // over.
                let session = try await leader.signIns.openSession(
                    of: user.name, address: request.remoteAddress)
                return redirect(
                    to: SignInPage.ownPath(to),
                    cookies: [
                        BrowserCookie.session.header(session, isSecure: api.isSecure(request)),
                        BrowserCookie.visit.removal(isSecure: api.isSecure(request)),
                    ])
            }
        }
    }

    /// Where the browser has to go first, if it is at another name of the coordinator than the one
    /// that the provider leads back to: the cookie must be there. Asked once, as a proxy may hide
    /// the name that was used.
    /// - Throws: `Refusal` if the provider leads back to no place for this browser.
    private static func otherAddress(_ request: HTTPRequest, _ api: APIContext) throws -> String? {
        guard request.query["moved"] == nil, let provider = api.ports.browserIdentities,
            let own = Authority(url: provider.returnURL),
            let here = request.headers["Host"].flatMap({ Authority($0) }), own.host != here.host
        else { return nil }
        let end = path + callback
        let url =
            provider.returnURL.hasSuffix(end)
            ? String(provider.returnURL.dropLast(end.count)) : provider.returnURL
        // Without `api.url` it is where this coordinator listens, which may mean each machine
        // itself, or none.
        guard api.url != nil || own.isLoopback == here.isLoopback, !isWildcard(own) else {
            throw Refusal(
                .conflict,
                "\(provider.label) leads back to \(url), and this browser is at \(here.host). "
                    + (isWildcard(own)
                        ? "Set " : "Open \(url) on the coordinator's machine, or set ")
                    + "api.url in coordinator.yml to the address that browsers use")
        }
        return url
    }

    private static func isWildcard(_ authority: Authority) -> Bool {
        ["0.0.0.0", "[::]"].contains(authority.host)
    }

    /// A person reads why it did not work on the page where it is tried again.
    private static func page(
        _ api: APIContext, _ request: HTTPRequest, to: String?,
        _ answer: () async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        do { return try await answer() } catch let fault as SignInFault {
            return SignInPage.response(
                api, request, to: to, problem: SignInRoutes.problem(fault, api))
        } catch let fault as IdentityFault {
            return SignInPage.response(
                api, request, to: to, problem: problem(fault, api))
        } catch let refusal as Refusal {
            return SignInPage.response(
                api, request, to: to, problem: .forbidden(refusal.description))
        }
    }

    static func redirect(to address: String, cookies: [String]) -> HTTPResponse {
        var headers: HTTPHeaders = [
            "Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
        ]
        for cookie in cookies { headers.append("Set-Cookie", cookie) }
        return HTTPResponse(status: 303, headers: headers)
    }

    private static func problem(_ fault: IdentityFault, _ api: APIContext) -> Problem {
        let label = api.ports.browserIdentities?.label ?? "the other system"
        let detail = "Signing in by \(label) did not work: \(fault)"
        return fault.code == .refused
            ? .forbidden(
                detail, remedy: "Try again. If it persists, show this to an administrator")
            : .unavailable(
                detail, remedy: "Try again in a moment; users of this coordinator's own can sign in"
            )
    }
}
