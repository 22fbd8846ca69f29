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
        _ api: APIContext, to: String?, name: String? = nil, problem: Problem? = nil
    ) -> HTTPResponse {
        let elsewhere =
            api.ports.browserIdentities.map {
                let to = PercentCoding.encode(ownPath(to))
                return "<p><a class=\"button\" href=\"\(BrowserSignInRoutes.path)?to=\(to)\">"
                    + "Sign in by \(HTML.escape($0.label))</a></p>"
            } ?? ""
        let why =
            problem.map {
                "<p class=\"problem\" role=\"alert\">\(HTML.escape($0.detail)). "
                    + "\(HTML.escape($0.remedy ?? "")).</p>"
            } ?? ""
        let body = """
            <h1>Sign in</h1>\(why)\(elsewhere)
            <form class="sign-in" method="post" action="/sign-in">
            <label>Name <input name="name" autocomplete="username" required autofocus
            value="\(HTML.escape(name ?? ""))"></label>
            <label>Password <input name="password" type="password"
            autocomplete="current-password" required></label>
            <input type="hidden" name="to" value="\(HTML.escape(ownPath(to)))">
            <button>Sign in</button></form>
            <p class="note">Without an account: an administrator adds one with
            <code>aibuild user add NAME --role viewer</code>. The first administrator signs in with
            what <code>aibuild-coordinator admin-token</code> prints on the coordinator's machine,
            or <code>aibuild web</code> there.</p>
            """
        var response = HTML.response(HTML.page(title: "Sign in", body: body))
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
