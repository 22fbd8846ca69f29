import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Testing

@testable import CoordinatorAPI

/// What operators of one team may do to another's guest OS, by every route that is about one.
@Suite("Rights of teams") struct TeamRightsTests {
    /// Each route with a path and a body that concern the guest OS `NAME`.
    private static let asks: [String: (path: String, body: String)] = [
        "POST /api/v1/builds": ("/api/v1/builds", #"{"guestOS":"NAME"}"#),
        "POST /api/v1/builds/{id}/cancel": ("/api/v1/builds/build-NAME/cancel", "{}"),
        "POST /api/v1/builds/{id}/retry": ("/api/v1/builds/build-NAME/retry", "{}"),
        "POST /api/v1/builds/{id}/pin": ("/api/v1/builds/build-NAME/pin", "{}"),
        "POST /api/v1/builds/{id}/unpin": ("/api/v1/builds/build-NAME/unpin", "{}"),
        "POST /api/v1/deliveries/{id}/replay": ("/api/v1/deliveries/DELIVERY/replay", "{}"),
        "POST /api/v1/deliveries/{id}/approve": ("/api/v1/deliveries/DELIVERY/approve", "{}"),
        "POST /v1/build": ("/v1/build", #"{"image_name":"new-NAME","os_name":"NAME"}"#),
        "POST /v1/test": (
            "/v1/test", #"{"image_name":"image-NAME","case_name":"boots","result":"pass"}"#
        ),
        "PUT /api/v1/guestos/{name}": (
            "/api/v1/guestos/NAME",
            #"{"name":"NAME","type":"linux","template":{"kind":"folder","path":"/t"}}"#
        ),
        "DELETE /api/v1/guestos/{name}": ("/api/v1/guestos/NAME", "{}"),
        "PUT /api/v1/guestos/{name}/grants": (
            "/api/v1/guestos/NAME/grants", #"{"team":"web","right":"operator"}"#
        ),
        "DELETE /api/v1/guestos/{name}/grants": ("/api/v1/guestos/NAME/grants?team=web", "{}"),
        "POST /api/v1/guestos/{name}/gitlab": ("/api/v1/guestos/NAME/gitlab", "{}"),
        "POST /v1/guestos": (
            "/v1/guestos",
            #"{"name":"NAME","base_iso":"new","type":"linux","distro":"d","version":"1"}"#
        ),
        "POST /api/v1/testcases": (
            "/api/v1/testcases", #"{"name":"new-NAME","osType":"TYPE"}"#
        ),
        "PUT /api/v1/testcases/{name}": (
            "/api/v1/testcases/case-NAME", #"{"definition":{"builtin":"boot"}}"#
        ),
        "DELETE /api/v1/testcases/{name}": ("/api/v1/testcases/case-NAME", "{}"),
        "POST /api/v1/releases": (
            "/api/v1/releases", #"{"build":"build-NAME","environments":["lab"]}"#
        ),
        "POST /api/v1/releases/rollback": (
            "/api/v1/releases/rollback", #"{"guestOS":"NAME","environments":["lab"]}"#
        ),
        "POST /api/v1/releases/{id}/approve": ("/api/v1/releases/release-NAME/approve", "{}"),
        "POST /api/v1/releases/{id}/refuse": ("/api/v1/releases/release-NAME/refuse", "{}"),
        "POST /api/v1/releases/{id}/cancel": ("/api/v1/releases/release-NAME/cancel", "{}"),
        "POST /api/v1/releases/{id}/abandon": ("/api/v1/releases/release-NAME/abandon", "{}"),
        "POST /api/v1/releases/{id}/retry": ("/api/v1/releases/release-NAME/retry", "{}"),
    ]

    private static let aboutNone: Set<String> = [
        // A new one is its registrant's; see "Operators of one team …".
        "POST /api/v1/guestos",
        // It names a Glance image that other systems released, and no guest OS.
        "POST /v1/release",
    ]

    /// One Windows and one Linux, so that test cases of a type are of one team.
    private let own = GuestOS.sample(
        "own", owner: "storage", .windows,
        template: .git(url: "https://git/images/own", ref: "main"))
    private let other = GuestOS.sample(
        "other", owner: "network", template: .git(url: "https://git/images/other", ref: "main"))

    private func farm() async throws -> (AccountFarm, deliveries: [String: Int]) {
        let farm = try await AccountFarm(hooks: [StillServer.hook])
        let made = try await farm.ask(
            "POST", "/api/v1/environments",
            #"{"name":"lab","settings":{"registry":{"url":"https://r"}},"unchecked":true}"#,
            token: API.token)
        #expect(made.status == 201, "\(made.text)")
        var deliveries: [String: Int] = [:]
        for guestOS in [own, other] {
            let name = guestOS.name
            try await farm.leader.add(guestOS)
            let plan = BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0),
                recipe: BuildRecipe(builder: .packer(template: "t.json")),
                requirements: Requirements(), limits: AttemptLimits())
            let build = try await farm.leader.enqueue(
                NewBuild(
                    id: "build-\(name)", guestOSID: guestOS.id, guestOS: name, priority: 0,
                    owner: guestOS.owner, plan: plan, updateContents: "",
                    submittedMilliseconds: 0))
            try await farm.leader.add(
                Release(
                    id: "release-\(name)", build: build, environment: "lab", requestedBy: "anna",
                    createdMilliseconds: 0))
            for (path, body) in [
                ("/v1/build", #"{"image_name":"image-NAME","os_name":"NAME"}"#),
                ("/api/v1/testcases", #"{"name":"case-NAME","osType":"TYPE"}"#),
            ] {
                let made = try await farm.ask("POST", path, filled(body, guestOS), token: API.token)
                #expect([200, 201].contains(made.status), "\(made.text)")
            }
            deliveries[name] = try await farm.store.receive(
                Delivery(
                    hook: "gitlab", key: name, event: "Merge Request Hook",
                    receivedMilliseconds: farm.clock.unixMilliseconds(), state: .awaitingApproval,
                    reports: [
                        GitReport(
                            .mergeRequest, project: "images/\(name)", ref: "main",
                            commit: "c0ffee")
                    ]), payload: ""
            ).id
        }
        return (farm, deliveries)
    }

    private func filled(_ text: String, _ guestOS: GuestOS, delivery: Int? = nil) -> String {
        text.replacing("NAME", with: guestOS.name)
            .replacing("TYPE", with: guestOS.type.rawValue)
            .replacing("DELIVERY", with: "\(delivery ?? 0)")
    }

    @Test("Every route that is about a guest OS is asked here")
    func isComplete() {
        let about = RouteNeeds.byRoute.filter {
            [.right(.build), .right(.catalog), .right(.release)].contains($0.value)
        }.keys
        #expect(Set(about).subtracting(Self.asks.keys) == Self.aboutNone)
        #expect(Set(Self.asks.keys).subtracting(about) == [])
    }

    @Test(
        "A release manager of one team changes nothing of another's", arguments: asks.keys.sorted())
    func teams(_ route: String) async throws {
        let ask = try #require(Self.asks[route])
        let method = String(route.prefix { $0 != " " })
        let (farm, deliveries) = try await farm()
        let token = try await farm.token(of: .releaseManager, teams: ["storage"])
        for guestOS in [other, own] {
            let delivery = deliveries[guestOS.name]
            let answer = try await farm.ask(
                method, filled(ask.path, guestOS, delivery: delivery), filled(ask.body, guestOS),
                token: token)
            let isRefused = answer.text.contains("owned by the team network")
            #expect(isRefused == (guestOS.name == "other"), "\(guestOS.name): \(answer.text)")
        }
    }

    /// Each right with the routes that it opens: all but those that concern other guest OSes too,
    /// and grants, which only the owner makes.
    @Test(
        "What is granted to a team or a user can be done, and nothing else",
        arguments: [Role.operator, .releaseManager], [true, false])
    func granted(_ role: Role, _ isTeam: Bool) async throws {
        for (route, ask) in Self.asks {
            let (farm, deliveries) = try await farm()
            let token = try await farm.token(of: .releaseManager, teams: ["storage"])
            let name = try await farm.name(of: token)
            let grantee = isTeam ? #""team":"storage""# : #""user":"\#(name)""#
            let granted = try await farm.ask(
                "PUT", "/api/v1/guestos/other/grants",
                #"{\#(grantee),"right":"\#(role.rawValue)"}"#, token: API.token)
            #expect(granted.status == 200, "\(granted.text)")
            let need = try #require(RouteNeeds.byRoute[route])
            let isOpen =
                role.rights.contains { need == .right($0) } && !route.hasSuffix("/grants")
            let method = String(route.prefix { $0 != " " })
            let answer = try await farm.ask(
                method, filled(ask.path, other, delivery: deliveries["other"]),
                filled(ask.body, other), token: token)
            let isRefused = answer.text.contains("owned by the team network")
            #expect(isRefused == !isOpen, "\(route): \(answer.text)")
        }
    }

    @Test("A token for some guest OSes changes no other one, and nothing that concerns all")
    func scopedTokens() async throws {
        let (farm, deliveries) = try await farm()
        let user = try await farm.token(of: .administrator)
        let made = try await farm.ask(
            "POST", "/api/v1/tokens", #"{"name":"t","guestOSes":["own"]}"#, token: user)
        let token = try AccountFarm.token(made)
        for (route, ask) in Self.asks {
            let method = String(route.prefix { $0 != " " })
            let answer = try await farm.ask(
                method, filled(ask.path, other, delivery: deliveries["other"]),
                filled(ask.body, other), token: token)
            let isRefused =
                answer.text.contains("The token is not good for the guest OS other")
                || answer.text.contains("The token is only for the guest OSes own")
            #expect(isRefused, "\(route): \(answer.text)")
        }
        for (route, need) in RouteNeeds.byRoute
        where need == .right(.hosts) || need == .right(.administer) {
            if route.hasPrefix("GET ") { continue }
            let parts = route.split(separator: " ").map(String.init)
            let path = parts[1].replacing(/\{[^}]*\}/, with: "x")
            let answer = try await farm.ask(parts[0], path, token: token)
            #expect(
                answer.status == 403 && answer.text.contains("only for the guest OSes own"),
                "\(route): \(answer.text)")
        }
    }
}
