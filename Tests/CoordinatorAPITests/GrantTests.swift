import CoordinatorCore
import HTTPTypes
import Testing

@testable import CoordinatorAPI

/// Who grants what on a guest OS, and to whom a new one belongs.
@Suite("Grants on guest OSes") struct GrantTests {
    private static let path = "/api/v1/guestos/other/grants"

    private func farm() async throws -> AccountFarm {
        let farm = try await AccountFarm()
        try await farm.leader.add(.sample("other", owner: "network"))
        try await farm.leader.add(.sample("shared", owner: "default"))
        return farm
    }

    private func grant(
        _ farm: AccountFarm, _ body: String, as token: String, on path: String = path
    ) async throws -> Answer { try await farm.ask("PUT", path, body, token: token) }

    @Test("The owner's people grant what they may do themselves, and others nothing")
    func whoGrants() async throws {
        let farm = try await farm()
        let owner = try await farm.token(of: .operator, teams: ["network"])
        let stranger = try await farm.token(of: .releaseManager, teams: ["web"])
        let operatorRight = #"{"team":"web","right":"operator"}"#
        #expect(try await grant(farm, operatorRight, as: stranger).status == 403)
        let beyond = try await grant(
            farm, #"{"team":"web","right":"release-manager"}"#, as: owner)
        #expect(beyond.status == 403 && beyond.text.contains("no right to release"))
        #expect(try await grant(farm, operatorRight, as: owner).status == 200)
        // Who was granted something passes nothing on.
        let onward = try await grant(farm, #"{"team":"ops","right":"operator"}"#, as: stranger)
        #expect(onward.status == 403 && onward.text.contains("owned by the team network"))
        #expect(
            try await farm.ask("DELETE", Self.path + "?team=web", token: stranger).status == 403)
        let release = try await farm.ask(
            "POST", "/api/v1/releases/rollback",
            #"{"guestOS":"other","environments":["lab"]}"#, token: stranger)
        #expect(
            release.text.contains("is granted the right of operator only"), "\(release.text)")
        let shown = try await farm.ask("GET", "/api/v1/guestos/other", token: owner).text
        #expect(shown.contains(#""grants":[{"grantedAt":""#))
        #expect(shown.contains(#""right":"operator","team":"web"}]"#), "\(shown)")
        #expect(try await farm.ask("DELETE", Self.path + "?team=web", token: owner).status == 200)
        let again = try await farm.ask("DELETE", Self.path + "?team=web", token: owner)
        #expect(again.status == 409 && again.text.contains("is granted nothing of other"))
        let rows = try await farm.store.audit(limit: 2)
        #expect(rows.map(\.action) == ["guestos.revoke", "guestos.grant"])
        #expect(
            rows.map(\.detail) == [
                "grants: team web: operator → none", "grants: none → team web: operator",
            ])
    }

    @Test(
        "A grant that means nothing is refused with the reason",
        arguments: [
            (#"{"team":"network","right":"operator"}"#, 409, "owns other"),
            (#"{"user":"nobody","right":"operator"}"#, 404, "nobody"),
            (#"{"team":"web","right":"viewer"}"#, 400, "use operator or release-manager"),
            (#"{"team":"web","right":"administrator"}"#, 400, "use operator or release-manager"),
            (#"{"right":"operator"}"#, 400, "either team or user"),
            (#"{"team":"a","user":"b","right":"operator"}"#, 400, "either team or user"),
            (#"{"team":"a b","right":"operator"}"#, 400, "name of the team"),
        ])
    func refused(_ body: String, _ status: Int, _ why: String) async throws {
        let answer = try await grant(farm(), body, as: API.token)
        #expect(answer.status == status && answer.text.contains(why), "\(answer.text)")
    }

    @Test("What is everybody's is granted to nobody")
    func everybodys() async throws {
        let answer = try await grant(
            farm(), #"{"team":"web","right":"operator"}"#, as: API.token,
            on: "/api/v1/guestos/shared/grants")
        #expect(answer.status == 409 && answer.text.contains("--owner TEAM"), "\(answer.text)")
    }

    @Test("A user who gets the name of a removed one does not get what that one was granted")
    func sameName() async throws {
        let farm = try await farm()
        let token = try await farm.token(of: .operator)
        let name = try await farm.name(of: token)
        let user = #"{"user":"\#(name)","right":"operator"}"#
        #expect(try await grant(farm, user, as: API.token).status == 200)
        let build = #"{"guestOS":"other"}"#
        func refusal(_ token: String) async throws -> Bool {
            try await farm.ask("POST", "/api/v1/builds", build, token: token).status == 403
        }
        #expect(try await !refusal(token))
        _ = try await farm.ask("DELETE", "/api/v1/users/\(name)", token: API.token)
        farm.clock.advance(milliseconds: 1)
        try await farm.add(name, .operator)
        #expect(try await refusal(farm.signIn(name)))
    }

    @Test("A change of a guest OS keeps what is granted")
    func kept() async throws {
        let farm = try await farm()
        let body = #"{"team":"web","right":"operator"}"#
        #expect(try await grant(farm, body, as: API.token).status == 200)
        let changed = try await farm.ask(
            "PUT", "/api/v1/guestos/other",
            #"{"name":"other","type":"linux","owner":"network","version":"2","#
                + #""template":{"kind":"folder","path":"/t"}}"#, token: API.token)
        #expect(changed.status == 200 && changed.text.contains(#""team":"web""#))
    }

    @Test("A change that names no owner keeps the one that there is")
    func keptOwner() async throws {
        let farm = try await farm()
        let token = try await farm.token(of: .operator, teams: ["web"])
        let body = #"{"team":"web","right":"operator"}"#
        #expect(try await grant(farm, body, as: API.token).status == 200)
        let changed = try await farm.ask(
            "PUT", "/api/v1/guestos/other", #"{"name":"other",\#(Self.new)}"#, token: token)
        #expect(changed.status == 200 && changed.text.contains(#""owner":"network""#))
    }

    // MARK: The owner of a new one

    private static let new = #""type":"linux","template":{"kind":"folder","path":"/t"}"#

    @Test(
        "A new guest OS belongs to the team of whoever registers it",
        arguments: [
            (Role.operator, ["web"], "web"), (.operator, [], "default"),
            (.operator, ["web", "*"], "default"), (.administrator, ["web"], "default"),
        ] as [(Role, [String], String)])
    func newOwner(_ role: Role, _ teams: [String], _ owner: String) async throws {
        let farm = try await farm()
        let token = try await farm.token(of: role, teams: teams)
        let made = try await farm.ask(
            "POST", "/api/v1/guestos", #"{"name":"new",\#(Self.new)}"#, token: token)
        #expect(made.text.contains(#""owner":"\#(owner)""#), "\(made.text)")
        let old = try await farm.ask(
            "POST", "/v1/guestos",
            #"{"name":"old","base_iso":"i","type":"linux","distro":"d","version":"1"}"#,
            token: token)
        #expect(old.status == 200)
        #expect(await farm.store.guestOS(named: "old")?.owner == owner, "\(old.text)")
    }

    @Test("Whoever is in several teams says which one a new guest OS belongs to")
    func severalTeams() async throws {
        let farm = try await farm()
        let token = try await farm.token(of: .operator, teams: ["web", "ops"])
        let refused = try await farm.ask(
            "POST", "/api/v1/guestos", #"{"name":"new",\#(Self.new)}"#, token: token)
        #expect(refused.status == 400)
        #expect(refused.text.contains("in the teams web, ops"), "\(refused.text)")
        #expect(refused.text.contains("--owner web"))
        let made = try await farm.ask(
            "POST", "/api/v1/guestos", #"{"name":"new","owner":"ops",\#(Self.new)}"#, token: token)
        #expect(made.text.contains(#""owner":"ops""#))
    }
}
