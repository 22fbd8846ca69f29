import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The page of one's own account: who one is here, tokens, browsers.
enum AccountPage {
    static func add(to router: inout Router, _ api: APIContext) {
        FirstAdministratorPage.add(to: &router, api)
        router.on("GET", "/account") { request, _ in
            let caller = try api.caller(request)
            return api.page(
                Page(title: "Account", body: body(caller, api.ports.directory)), request)
        }
        router.on("POST", "/account/tokens/{id}/revoke") { request, path in
            let caller = try api.caller(request)
            try await api.leader().tokens.remove(id: path["id"], isAny: false, by: caller.name)
            return HTTPResponse(
                status: 303, headers: ["Location": "/account", "Cache-Control": "no-store"])
        }
    }

    private static func body(_ caller: Caller, _ directory: AccessDirectory) -> Markup {
        let teams = caller.teams.isEmpty ? "no team" : caller.teams.joined(separator: ", ")
        let browsers = directory.sessions(of: caller.name).map { session -> [Markup] in
            [
                "\(session.address)", HTML.time(session.createdMilliseconds),
                HTML.time(session.lastUsedMilliseconds),
            ]
        }
        return """
            <h1>\(caller.name)</h1>
            <p>\(caller.role.rawValue), \(teams). May: \(words(caller.rights)).</p>
            \(HTML.form("/sign-out", "Sign out"))
            \(HTML.form("/sign-out?everywhere=true", "Sign out everywhere"))
            <h2>Browsers</h2>
            \(HTML.table(
                ["address", "signed in", "last used"], browsers,
                empty: "No browser is signed in."))
            <h2>Tokens</h2>
            \(HTML.table(
                ["name", "may", "guest OSes", "expires", "last used", ""],
                directory.tokens(of: caller.name).map(row),
                empty: "No tokens. Make one: <code>aibuild token add NAME</code>"))
            """
    }

    private static func words(_ rights: Set<Right>) -> String {
        Right.allCases.filter(rights.contains).map(\.rawValue).joined(separator: ", ")
    }

    private static func row(_ token: APIToken) -> [Markup] {
        [
            "\(token.name)", "\(words(token.rights))",
            "\(token.guestOSes.joined(separator: ", "))",
            token.expiresMilliseconds.map { HTML.time($0) } ?? "never",
            token.lastUsedMilliseconds.map { HTML.time($0) } ?? "never",
            HTML.form("/account/tokens/\(token.id)/revoke", "Revoke"),
        ]
    }
}
