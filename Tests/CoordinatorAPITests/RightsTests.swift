import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import TestSupport
import Testing

@testable import CoordinatorAPI

/// Who may do what, by every route and every role.
@Suite("Rights") struct RightsTests {
    @Test("Every route has a row in the table of rights, and every row a route")
    func everyRouteHasARow() async throws {
        let routes = Set(try await API.leading().table.map { "\($0.method) \($0.pattern)" })
        #expect(routes.subtracting(RouteNeeds.byRoute.keys) == [], "routes without a row")
        #expect(Set(RouteNeeds.byRoute.keys).subtracting(routes) == [], "rows without a route")
    }

    @Test(
        "Each role is let in where its rights are enough, and nowhere else",
        arguments: Role.allCases)
    func roles(_ role: Role) async throws {
        let farm = try await AccountFarm()
        let token = try await farm.token(of: role)
        for route in farm.api.table {
            let path = route.pattern.replacing(/\{[^}]*\}/, with: "x")
            let request = try farm.request(route.method, path, token: token)
            let refusal = farm.api.refusal(of: request)?.status
            switch RouteNeeds.need(route.method, route.pattern) {
            case .right(let right):
                let isAllowed = role.rights.contains(right)
                #expect(refusal == (isAllowed ? nil : 403), "\(role) \(route.method) \(path)")
            case .hook: #expect(refusal == 401 || refusal == 404, "\(route.method) \(path)")
            default: #expect(refusal == nil, "\(role) \(route.method) \(path)")
            }
            // The same without a token, and with one that nobody gave out.
            for stranger in [nil, "aib_00"] {
                let request = try farm.request(route.method, path, token: stranger)
                let refusal = farm.api.refusal(of: request)?.status
                switch RouteNeeds.need(route.method, route.pattern) {
                case .right, .signedIn, .account: #expect(refusal == 401, "\(route.method) \(path)")
                case .hook: #expect(refusal != nil, "\(route.method) \(path)")
                case .nothing, .probe, .publishedFile:
                    #expect(refusal == nil, "\(route.method) \(path)")
                }
            }
        }
        // What is not there is not told to strangers.
        for path in ["/api/v1/nothing", "/nothing"] {
            #expect(farm.api.refusal(of: try farm.request("GET", path))?.status == 401)
            #expect(farm.api.refusal(of: try farm.request("GET", path, token: token)) == nil)
        }
    }

    @Test("Anonymous readers see what a viewer sees, and change nothing")
    func anonymous() async throws {
        let farm = try await AccountFarm(AccessSettings(anonymous: .viewer))
        for route in farm.api.table {
            let path = route.pattern.replacing(/\{[^}]*\}/, with: "x")
            let refusal = farm.api.refusal(of: try farm.request(route.method, path))?.status
            switch (RouteNeeds.need(route.method, route.pattern), route.method) {
            case (.right(.view), _), (.nothing, _), (.probe, _), (.publishedFile, _):
                #expect(refusal == nil, "\(route.method) \(path)")
            case (.signedIn, "GET"): #expect(refusal == nil, "\(route.method) \(path)")
            default: #expect(refusal == 401 || refusal == 404, "\(route.method) \(path)")
            }
        }
    }

    @Test("Images are for everybody unless a setting says otherwise; logs and records never are")
    func publishedFiles() async throws {
        let open = try await AccountFarm()
        let closed = try await AccountFarm(AccessSettings(imagesArePublic: false))
        let image = "/images/debian12/7/debian12.qcow2"
        #expect(open.api.refusal(of: try open.request("GET", image)) == nil)
        #expect(closed.api.refusal(of: try closed.request("GET", image))?.status == 401)
        for farm in [open, closed] {
            let token = try await farm.token(of: .viewer)
            for name in ["build.log.ndjson", "debian12.build.json"] {
                let path = "/images/debian12/7/" + name
                #expect(farm.api.refusal(of: try farm.request("GET", path))?.status == 401)
                #expect(farm.api.refusal(of: try farm.request("GET", path, token: token)) == nil)
            }
        }
    }

    @Test("Operators of one team neither build, change nor release another's guest OS")
    func teams() async throws {
        let farm = try await AccountFarm()
        for (name, owner) in [("own", "storage"), ("other", "network"), ("free", "default")] {
            try await farm.leader.add(.sample(name, owner: owner))
        }
        let token = try await farm.token(of: .releaseManager, teams: ["storage"])
        func asked(_ method: String, _ path: String, _ body: String = "{}") async throws -> Answer {
            try await farm.ask(method, path, body, token: token)
        }
        let form = #"{"name":"NAME","type":"linux","template":{"kind":"folder","path":"/t"}}"#
        let asks: [(String, String, String)] = [
            ("POST", "/api/v1/builds", #"{"guestOS":"NAME"}"#),
            ("PUT", "/api/v1/guestos/NAME", form), ("DELETE", "/api/v1/guestos/NAME", "{}"),
            ("POST", "/api/v1/guestos/NAME/gitlab", "{}"),
            (
                "POST", "/api/v1/releases/rollback",
                #"{"guestOS":"NAME","environments":["lab"]}"#
            ),
        ]
        for (method, path, body) in asks {
            for name in ["own", "free", "other"] {
                let answer = try await asked(
                    method, path.replacing("NAME", with: name), body.replacing("NAME", with: name))
                #expect((answer.status == 403) == (name == "other"), "\(path) \(name)")
                if name == "other" {
                    #expect(answer.text.contains("owned by the team network"), "\(answer.text)")
                }
            }
        }
        // Nobody takes a guest OS away, or gives one to another team.
        let taken = form.replacing("NAME", with: "free").dropLast() + #","owner":"storage"}"#
        let refused = try await asked("PUT", "/api/v1/guestos/free", String(taken))
        #expect(refused.status == 403 && refused.text.contains("only an administrator"))
        let charged = #"{"guestOS":"free","owner":"network"}"#
        let other = try await asked("POST", "/api/v1/builds", charged)
        #expect(other.status == 403, "\(other.text)")
        #expect(other.text.contains("is in the team storage, and can give nothing to the team"))
        let given = form.replacing("NAME", with: "own").dropLast() + #","owner":"network"}"#
        #expect(try await asked("PUT", "/api/v1/guestos/own", String(given)).status == 403)
        let new = form.replacing("NAME", with: "new").dropLast() + #","owner":"network"}"#
        #expect(try await asked("POST", "/api/v1/guestos", String(new)).status == 403)
        // An administrator, and who is in all teams, may.
        for all in [
            try await farm.token(of: .administrator),
            try await farm.token(of: .operator, teams: ["*"]),
        ] {
            let answer = try await farm.ask(
                "POST", "/api/v1/builds", #"{"guestOS":"other"}"#, token: all)
            #expect(answer.status != 403)
        }
    }
}
