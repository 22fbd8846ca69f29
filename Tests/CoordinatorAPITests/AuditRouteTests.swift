import CoordinatorCore
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import CoordinatorAPI

/// What each route that changes something leaves in the audit log.
@Suite("Audit rows of routes") struct AuditRouteTests {
    /// A request that succeeds in an `AuditFarm`, and the actions of the rows that it leaves.
    struct Change: Sendable, CustomTestStringConvertible {
        var route: String
        var target: String
        var body = "{}"
        var headers: HTTPHeaders = [:]
        var actions: [String]
        /// Requests before it, whose rows do not count.
        var before: [(method: String, target: String, body: String)] = []

        var testDescription: String { "\(route) \(target)" }

        init(
            _ route: String, _ target: String? = nil, _ body: String = "{}",
            headers: HTTPHeaders = [:],
            before: [(method: String, target: String, body: String)] = [], _ actions: String...
        ) {
            self.route = route
            self.target = target ?? String(route.split(separator: " ")[1])
            self.body = body
            self.headers = headers
            self.actions = actions
            self.before = before
        }
    }

    /// Routes that leave no row, each with its reason.
    private static let silent: [(change: Change, reason: String)] = [
        (
            Change("POST /api/v1/hosts/scan", nil, #"{"address":"a@h9:22"}"#),
            "reads the key of a machine, and keeps nothing"
        ),
        (
            Change("POST /api/v1/environments/{name}/check", "/api/v1/environments/lab/check"),
            "asks the environment, and changes nothing"
        ),
        (
            Change("POST \(FirstAdministratorPage.path)", nil, "name=x", headers: ownPage),
            "there is an administrator: it leads to the account. FirstAdministratorTests has rows"
        ),
        (
            Change(
                "POST \(HookRoutes.prefix){name}", HookRoutes.prefix + "gitlab", "{}",
                headers: ["X-Gitlab-Token": StillServer.secret]),
            "stores a delivery, which is a log of its own; what it starts has rows"
        ),
    ]

    private static let challenge = PKCE.challenge(of: String(repeating: "v", count: 64))
    private static let wish =
        "port=40000&challenge=\(challenge)&state=\(String(repeating: "5", count: 32))"
    private static let guestOS =
        #"{"name":"NAME","type":"linux","template":{"kind":"folder","path":"/other"}}"#
    private static let ownPage: HTTPHeaders = [
        "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
    ]

    private static let accounts: [Change] = [
        Change(
            "POST /sign-in", nil, "name=anna&password=correct+horse+battery", headers: ownPage,
            "session.open"),
        Change("POST /sign-out", nil, "", headers: ownPage, "token.remove"),
        Change(
            "POST /api/v1/sign-in", nil, #"{"name":"anna","password":"\#(AccountFarm.password)"}"#,
            "token.add"),
        Change("POST /api/v1/sign-out", nil, "{}", "token.remove"),
        Change("POST /api/v1/sign-out", "/api/v1/sign-out?everywhere=true", "{}", "session.close"),
        Change("POST /api/v1/sign-in-codes", nil, "{}", "sign-in.code"),
        Change("POST \(CommandLineRoutes.path)", nil, wish, headers: ownPage, "sign-in.code"),
        Change(
            "POST /api/v1/sign-in/code", nil,
            #"{"code":"CODE","verifier":"\#(String(repeating: "v", count: 64))"}"#,
            before: [("POST", CommandLineRoutes.path, wish)], "token.add"),
        Change(
            "POST /api/v1/account/password", nil,
            #"{"old":"\#(AccountFarm.password)","new":"another long password"}"#, "user.change"),
        Change("POST /api/v1/tokens", nil, #"{"name":"ci"}"#, "token.add"),
        Change("DELETE /api/v1/tokens/{id}", "/api/v1/tokens/TOKEN", "{}", "token.remove"),
        Change(
            "POST /account/tokens/{id}/revoke", "/account/tokens/TOKEN/revoke", "{}", "token.remove"
        ),
        Change(
            "PUT /api/v1/users/{name}", "/api/v1/users/carl",
            #"{"isNew":true,"role":"viewer","password":"\#(AccountFarm.password)"}"#, "user.add"),
        Change(
            "PUT /api/v1/users/{name}", "/api/v1/users/bert", #"{"role":"operator"}"#, "user.change"
        ),
        Change("DELETE /api/v1/users/{name}", "/api/v1/users/bert", "{}", "user.remove"),
    ]

    private static let catalog: [Change] = [
        Change(
            "POST /api/v1/guestos", nil, guestOS.replacing("NAME", with: "new"), "guestos.add"),
        Change(
            "PUT /api/v1/guestos/{name}", "/api/v1/guestos/spare",
            guestOS.replacing("NAME", with: "spare"), "guestos.change"),
        Change("DELETE /api/v1/guestos/{name}", "/api/v1/guestos/spare", "{}", "guestos.remove"),
        Change("DELETE /api/v1/guestos/{name}", "/api/v1/guestos/debian12", "{}", "guestos.retire"),
        Change(
            "POST /api/v1/guestos/{name}/gitlab", "/api/v1/guestos/bare/gitlab", "{}",
            "guestos.gitlab"),
        Change(
            "PUT /api/v1/guestos/{name}/grants", "/api/v1/guestos/owned/grants",
            #"{"team":"web","right":"operator"}"#, "guestos.grant"),
        Change(
            "DELETE /api/v1/guestos/{name}/grants", "/api/v1/guestos/owned/grants?team=web", "{}",
            before: [
                (
                    "PUT", "/api/v1/guestos/owned/grants",
                    #"{"team":"web","right":"operator"}"#
                )
            ], "guestos.revoke"),
        Change(
            "POST /api/v1/renames", nil, #"{"kind":"guestos","from":"spare","to":"new"}"#,
            "guestos.rename"),
        Change(
            "POST /api/v1/import", nil, "sheet",
            headers: ["Content-Type": "application/octet-stream"], "guestos.add", "import"),
        Change(
            "POST /api/v1/testcases", nil,
            #"{"name":"new","osType":"linux","definition":{"script":"id"}}"#, "testcase.add"),
        Change(
            "PUT /api/v1/testcases/{name}", "/api/v1/testcases/boots",
            #"{"definition":{"script":"id"}}"#, "testcase.change"),
        Change(
            "DELETE /api/v1/testcases/{name}", "/api/v1/testcases/boots", "{}", "testcase.remove"),
        Change(
            "POST /api/v1/hosts", nil,
            #"{"name":"h1","address":"a@h1:22","hostKey":"ssh-ed25519 AAAB"}"#, "host.add"),
        Change(
            "PUT /api/v1/hosts/{name}", "/api/v1/hosts/h0", #"{"address":"a@h2:22"}"#, "host.change"
        ),
        Change(
            "POST /api/v1/hosts/{name}/drain", "/api/v1/hosts/h0/drain", #"{"note":"disks"}"#,
            "host.drain"),
        Change(
            "POST /api/v1/hosts/{name}/resume", "/api/v1/hosts/h0/resume", "",
            before: [("POST", "/api/v1/hosts/h0/drain", "{}")], "host.resume"),
        Change("DELETE /api/v1/hosts/{name}", "/api/v1/hosts/h0", "{}", "host.remove"),
        Change(
            "PUT /api/v1/secrets/{name}", "/api/v1/secrets/new",
            #"{"value":"hunter22","guestOSes":["*"]}"#, "secret.add"),
        Change(
            "PUT /api/v1/secrets/{name}", "/api/v1/secrets/cloud", #"{"value":"hunter23"}"#,
            "secret.change"),
        Change("DELETE /api/v1/secrets/{name}", "/api/v1/secrets/cloud", "{}", "secret.remove"),
        Change("POST /api/v1/secrets/rotate-key", nil, "{}", "secret.rotate-key"),
    ]

    private static let builds: [Change] = [
        Change("POST /api/v1/builds", nil, #"{"guestOS":"debian12"}"#, "build.submit"),
        Change(
            "POST /api/v1/builds/{id}/cancel", "/api/v1/builds/queued/cancel", "", "build.cancel"),
        Change("POST /api/v1/builds/{id}/retry", "/api/v1/builds/passed/retry", "", "build.submit"),
        Change("POST /api/v1/builds/{id}/pin", "/api/v1/builds/passed/pin", "", "build.pin"),
        Change("POST /api/v1/builds/{id}/unpin", "/api/v1/builds/passed/unpin", "", "build.unpin"),
        Change(
            "POST /api/v1/deliveries/{id}/replay", "/api/v1/deliveries/1/replay", "",
            "delivery.replay"),
        Change(
            "POST /api/v1/deliveries/{id}/approve", "/api/v1/deliveries/2/approve", "",
            "delivery.approve"),
        Change("POST /api/v1/retention/enable", nil, "", "retention.enable"),
        Change(
            "POST /api/v1/retention", nil, "", before: [("POST", "/api/v1/retention/enable", "")],
            "build.prune"),
        Change(
            "POST \(NotificationRoutes.path)/{place}/test", NotificationRoutes.path + "/chat/test",
            "",
            "notification.test"),
    ]

    private static let releases: [Change] = [
        Change(
            "POST /api/v1/environments", nil,
            #"{"name":"new","settings":{"registry":{"url":"https://r"}},"unchecked":true}"#,
            "env.add"),
        Change(
            "PUT /api/v1/environments/{name}", "/api/v1/environments/lab",
            #"{"name":"lab","settings":{"registry":{"url":"https://s"}},"unchecked":true}"#,
            "env.change"),
        Change(
            "PUT /api/v1/environments/{name}/names", "/api/v1/environments/lab/names",
            #"{"name":"gold","guestOS":"spare"}"#, "env.give"),
        Change(
            "DELETE /api/v1/environments/{name}", "/api/v1/environments/lab", "{}", "env.remove"),
        Change(
            "POST /api/v1/releases", nil, #"{"build":"passed","environments":["lab"]}"#,
            "release.submit"),
        Change(
            "POST /api/v1/releases/rollback", nil,
            #"{"guestOS":"debian12","environments":["lab"]}"#, "release.rollback"),
        Change(
            "POST /api/v1/releases/{id}/approve", "/api/v1/releases/r-awaitingApproval/approve", "",
            "release.approve"),
        Change(
            "POST /api/v1/releases/{id}/refuse", "/api/v1/releases/r-awaitingApproval/refuse", "",
            "release.refuse"),
        Change(
            "POST /api/v1/releases/{id}/cancel", "/api/v1/releases/r-queued/cancel", "",
            "release.cancel"),
        Change(
            "POST /api/v1/releases/{id}/abandon", "/api/v1/releases/r-queued/abandon", "",
            "release.abandon"),
        Change(
            "POST /api/v1/releases/{id}/retry", "/api/v1/releases/r-failed/retry", "",
            "release.submit"),
    ]

    private static let historic: [Change] = [
        Change(
            "POST /v1/guestos", nil,
            #"{"name":"old","base_iso":"a.iso","type":"linux","distro":"debian","version":"9"}"#,
            "guestos.add"),
        Change("POST /v1/build", nil, #"{"image_name":"a","os_name":"spare"}"#, "historic.build"),
        Change(
            "POST /v1/test", nil, #"{"image_name":"a","case_name":"boots","result":"ok"}"#,
            "historic.test"),
        Change(
            "POST /v1/release", nil, #"{"env_name":"lab","glance_id":"42"}"#, "historic.release"),
        Change(
            "POST /v1/env", nil,
            #"{"env_name":"old","auth_url":"https://k/v3","project_domain_name":"Default","#
                + #""user_domain_name":"Default","project_name":"p","username":"u","#
                + #""password":"hunter22","region":"r"}"#, "env.add"),
    ]

    private static let changes =
        accounts + catalog + builds + releases + historic + silent.map(\.change)

    @Test("Every route that changes something is in the table, and every row has a route")
    func everyRoute() {
        let routes = Set(RouteNeeds.byRoute.keys.filter { !$0.hasPrefix("GET ") })
        let known = Set(Self.changes.map(\.route))
        #expect(routes.subtracting(known) == [], "add what they leave in the audit log")
        #expect(known.subtracting(routes) == [])
        for (change, reason) in Self.silent {
            #expect(change.actions.isEmpty && !reason.isEmpty)
        }
        #expect(Self.changes.filter(\.actions.isEmpty).count == Self.silent.count)
    }

    @Test(
        "A change leaves exactly its rows, each with who, from where and by which request",
        arguments: changes)
    func rows(_ change: Change) async throws {
        let farm = try await AuditFarm()
        var target = change.target
        var body = change.body
        for (method, path, words) in change.before {
            let answer = try await farm.ask(method, path, words)
            #expect(answer.status < 400, "\(path): \(answer.status) \(answer.text)")
            if let code = (answer.headers["Location"] ?? "").firstMatch(of: /code=([0-9a-f]+)/) {
                body = body.replacing("CODE", with: String(code.output.1))
            }
        }
        let token = try #require(await farm.store.accessRecords().tokens.first?.id)
        target = target.replacing("TOKEN", with: token)
        let last = await farm.store.audit(AuditFilter(), limit: 1).first?.id ?? 0

        let method = String(change.route.prefix { $0 != " " })
        let answer = try await farm.ask(method, target, body, headers: change.headers)
        #expect((200..<400).contains(answer.status), "\(answer.status) \(answer.text)")
        // The original's endpoints put the status into the body.
        #expect(!answer.text.contains(#""message""#), "\(answer.text)")
        let rows = await farm.store.audit(AuditFilter(), limit: 9).filter { $0.id > last }
        #expect(rows.reversed().map(\.action) == change.actions, "\(rows)")
        for row in rows {
            #expect(row.actor == "anna" && row.origin?.address == "10.0.0.7", "\(row)")
            #expect(row.origin?.request == answer.headers["X-Request-ID"], "\(row)")
            #expect(row.origin?.way.isEmpty == false && !row.subject.isEmpty, "\(row)")
            #expect(!"\(row)".contains("hunter2"), "\(row)")
        }
    }
}
