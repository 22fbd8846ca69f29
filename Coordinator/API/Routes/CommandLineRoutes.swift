import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// How a command line is signed in by a browser: the person allows it on a page, and the browser
/// brings a code to the port at which the command line listens on the person's machine. Only who
/// knows the text behind the challenge can use the code.
enum CommandLineRoutes {
    static let path = "/account/command-line"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", path) { request, _ in
            page(try Wish(request.query), try api.caller(request), request, api)
        }
        router.on("POST", path) { request, _ in
            let wish = try Wish(
                HTTPQuery(decoding: String(decoding: request.body, as: UTF8.self)))
            let caller = try api.caller(request)
            guard caller.name != Caller.localName else {
                throw Problem.forbidden(
                    "The coordinator's machine itself is signed in here, which is no user",
                    remedy: "Sign in as yourself: an administrator adds users with aibuild user add"
                )
            }
            let code = try await api.leader().signIns.newCode(
                for: caller.name, challenge: wish.challenge)
            return BrowserSignInRoutes.redirect(
                to: wish.address + "/?code=\(code)&state=\(wish.state)", cookies: [])
        }
        router.on("POST", "/api/v1/sign-in/code") { request, _ in
            let form = try request.decode(Form.self)
            let leader = try api.leader()
            let name = try await leader.signIns.take(code: form.code, verifier: form.verifier)
            guard let user = api.ports.directory.principal(name) else {
                throw SignInFault.usedCode
            }
            return try await SignInRoutes.newToken(of: user, form.tokenName, form.days, leader)
        }
    }

    private struct Form: Decodable {
        var code, verifier: String
        var tokenName: String?
        var days: Int?
    }

    /// What the command line asks for, in the address that it prints.
    private struct Wish {
        var port: UInt16
        var challenge, state: String

        /// Nothing but this machine of the person's is gone to, whatever a link says.
        var address: String { "http://127.0.0.1:\(port)" }

        init(_ query: HTTPQuery) throws(Problem) {
            func isWord(_ text: String) -> Bool {
                text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                        || (0x61...0x7A).contains(byte) || "-_".utf8.contains(byte)
                }
            }
            guard let port = query["port"].flatMap({ UInt16($0) }), port >= 1024,
                let challenge = query["challenge"], challenge.utf8.count == 43, isWord(challenge),
                let state = query["state"], (16...64).contains(state.utf8.count), isWord(state)
            else {
                throw .badRequest(
                    "The address is not one that a command line printed",
                    remedy: "Run this again: aibuild login --browser")
            }
            self.port = port
            self.challenge = challenge
            self.state = state
        }
    }

    private static func page(
        _ wish: Wish, _ caller: Caller, _ request: HTTPRequest, _ api: APIContext
    ) -> HTTPResponse {
        let fields = [
            ("port", "\(wish.port)"), ("challenge", wish.challenge), ("state", wish.state),
        ]
        let inputs = fields.map { name, value -> Markup in
            "<input type=\"hidden\" name=\"\(name)\" value=\"\(value)\">"
        }
        let body: Markup = """
            <h1>Sign in a command line</h1>
            <p>A program on your machine (port \(wish.port)) asks to act as
            <b>\(caller.name)</b>, with everything that you may do here. Allow it only
            if you have just run <code>aibuild login --browser</code>.</p>
            <form class="inline" method="post" action="\(path)">\(inputs.joined())
            <button class="primary">Allow</button></form>
            """
        // Browsers hold the address that a form's answer leads to against the page's policy.
        return api.page(
            Page(
                title: "Sign in a command line", body: body, formsTo: "'self' \(wish.address)"),
            request)
    }
}
