import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The page that asks for a name and a password.
enum SignInPage {
    /// - Parameters:
    ///   - to: where the person wanted to go.
    ///   - problem: why the last try was refused.
    static func response(
        _ api: APIContext, _ request: HTTPRequest, to: String?, name: String? = nil,
        problem: Problem? = nil
    ) -> HTTPResponse {
        let to = ownPath(to)
        let elsewhere = api.ports.browserIdentities.map { provider -> Markup in
            let address = "\(BrowserSignInRoutes.path)?to=\(PercentCoding.encode(to))"
            return "<p><a class=\"button\" href=\"\(address)\">Sign in by \(provider.label)</a></p>"
        }
        let why = problem.map { problem -> Markup in
            "<p class=\"problem\" role=\"alert\">\(problem.detail). \(problem.remedy ?? "").</p>"
        }
        let body: Markup = """
            <h1>Sign in</h1>\(why)\(elsewhere)
            <form class="sign-in" method="post" action="/sign-in">
            <label>Name <input name="name" autocomplete="username" required autofocus
            value="\(name ?? "")"></label>
            <label>Password <input name="password" type="password"
            autocomplete="current-password" required></label>
            <input type="hidden" name="to" value="\(to)">
            <button class="primary">Sign in</button></form>
            <p class="note">Without an account: an administrator adds one with
            <code>aibuild user add NAME --role viewer</code>. The first administrator opens
            the address that <code>aibuild-coordinator admin-token</code> prints on the
            coordinator's machine, or <code>aibuild web</code> there, and chooses name and password.
            </p>
            """
        var response = api.page(Page(title: "Sign in", body: body), request)
        response.status = problem?.status ?? 200
        for (name, value) in problem?.headers.fields ?? [] { response.headers.set(name, value) }
        return response
    }

    /// Whether a browser goes there, which a person looks at: programs get the problem itself.
    static func isForPerson(_ request: HTTPRequest) -> Bool {
        request.method == "GET" && request.headers["Accept"]?.wantsHTML == true
    }

    static func redirect(from request: HTTPRequest) -> HTTPResponse {
        let to = ownPath(request.target)
        return HTTPResponse(
            status: 303,
            headers: [
                "Location": "/sign-in" + (to == "/" ? "" : "?to=" + PercentCoding.encode(to)),
                "Cache-Control": "no-store",
            ])
    }

    /// A path of this coordinator: no address of another site, whatever a link says.
    static func ownPath(_ to: String?) -> String {
        guard let to, to.utf8.count <= 2_000, to.utf8.first == UInt8(ascii: "/"),
            to.utf8.dropFirst().first != UInt8(ascii: "/"),
            to.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }),
            !to.utf8.starts(with: "/sign-".utf8)
        else { return "/" }
        return to
    }
}
