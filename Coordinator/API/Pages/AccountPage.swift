import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The page of one's own account: who one is here, tokens, browsers.
enum AccountPage {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/account") { request, _ in
            let caller = try api.caller(request)
            return HTML.response(
                HTML.page(title: "Account", body: body(caller, api.ports.directory)))
        }
        router.on("POST", "/account/tokens/{id}/revoke") { request, path in
            let caller = try api.caller(request)
            try await api.leader().tokens.remove(id: path["id"], isAny: false, by: caller.name)
            return HTTPResponse(
                status: 303, headers: ["Location": "/account", "Cache-Control": "no-store"])
        }
    }

    private static func body(_ caller: Caller, _ directory: AccessDirectory) -> String {
        let teams = caller.teams.isEmpty ? "no team" : caller.teams.joined(separator: ", ")
        let rights = Right.allCases.filter(caller.rights.contains).map(\.rawValue)
        return "<h1>\(HTML.escape(caller.name))</h1>"
            + "<p>\(caller.role.rawValue), \(HTML.escape(teams)). May: "
            + "\(rights.joined(separator: ", ")).</p>"
            + button("/sign-out", "Sign out")
            + button("/sign-out?everywhere=true", "Sign out everywhere")
            + "<h1>Browsers</h1>"
            + HTML.table(
                ["address", "signed in", "last used"],
                directory.sessions(of: caller.name).map {
                    [
                        HTML.escape($0.address), HTML.time(Time.text($0.createdMilliseconds)),
                        HTML.time(Time.text($0.lastUsedMilliseconds)),
                    ]
                }, empty: "No browser is signed in.")
            + "<h1>Tokens</h1>"
            + HTML.table(
                ["name", "may", "guest OSes", "expires", "last used", ""],
                directory.tokens(of: caller.name).map(row),
                empty: "No tokens. Make one: <code>aibuild token add NAME</code>")
    }

    private static func row(_ token: APIToken) -> [String] {
        let rights = Right.allCases.filter(token.rights.contains).map(\.rawValue)
        return [
            HTML.escape(token.name), rights.joined(separator: ", "),
            HTML.escape(token.guestOSes.joined(separator: ", ")),
            token.expiresMilliseconds.map { HTML.time(Time.text($0)) } ?? "never",
            token.lastUsedMilliseconds.map { HTML.time(Time.text($0)) } ?? "never",
            button("/account/tokens/\(HTML.escape(token.id))/revoke", "Revoke"),
        ]
    }

    private static func button(_ action: String, _ text: String) -> String {
        "<form class=\"inline\" method=\"post\" action=\"\(action)\">"
            + "<button>\(text)</button></form> "
    }
}
