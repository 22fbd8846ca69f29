import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TestSupport
import Testing

/// Users, tokens and the audit log, by the API.
@Suite("Accounts") struct AccountTests {
    private let farm: AccountFarm

    init() async throws { farm = try await AccountFarm() }

    @Test("A user is added, changed, disabled and removed; what counts changes at once")
    func users() async throws {
        try await farm.add("anna", .operator, teams: ["storage"])
        let token = try await farm.signIn("anna")
        let who = try await farm.ask("GET", "/api/v1/whoami", token: token)
        #expect(who.status == 200)
        for part in [
            #""name":"anna""#, #""role":"operator""#, #""teams":["storage"]"#,
            #""rights":["view","build","catalog","hosts"]"#, #""signedInBy":"token""#,
        ] { #expect(who.text.contains(part), "\(who.text)") }

        func change(_ form: String) async throws -> Int {
            try await farm.ask("PUT", "/api/v1/users/anna", form, token: API.token).status
        }
        func drains() async throws -> Int {
            try await farm.ask("POST", "/api/v1/hosts/x/drain", token: token).status
        }
        #expect(try await drains() == 404)
        #expect(try await change(#"{"role":"viewer"}"#) == 200)
        #expect(try await drains() == 403)
        #expect(try await change(#"{"disabled":true}"#) == 200)
        #expect(try await drains() == 401)
        #expect(try await change(#"{"disabled":false,"role":"operator"}"#) == 200)
        #expect(try await drains() == 404)
        let list = try await farm.ask("GET", "/api/v1/users", token: API.token)
        #expect(list.text.contains(#""name":"anna""#) && !list.text.contains("plain:"))
        #expect(try await farm.ask("DELETE", "/api/v1/users/anna", token: API.token).status == 204)
        #expect(try await drains() == 401)
        #expect(try await change(#"{"role":"viewer"}"#) == 404)
    }

    @Test("The last administrator does not lock everybody out; root on the machine may")
    func lastAdministrator() async throws {
        let anna = try await farm.token(of: .administrator)
        let name = await farm.store.accessRecords().principals[0].name
        let path = "/api/v1/users/\(name)"
        for form in [#"{"role":"viewer"}"#, #"{"disabled":true}"#] {
            let answer = try await farm.ask("PUT", path, form, token: anna)
            #expect(answer.status == 409 && answer.text.contains("the last administrator"))
        }
        #expect(try await farm.ask("DELETE", path, token: anna).status == 409)
        try await farm.add("bert", .administrator)
        _ = try await farm.ask("PUT", "/api/v1/users/bert", #"{"disabled":true}"#, token: anna)
        #expect(try await farm.ask("DELETE", path, token: anna).status == 409, "bert cannot")
        _ = try await farm.ask("PUT", "/api/v1/users/bert", #"{"disabled":false}"#, token: anna)
        #expect(try await farm.ask("DELETE", path, token: anna).status == 204)
        let last = try await farm.ask("DELETE", "/api/v1/users/bert", token: API.token)
        #expect(last.status == 204, "the machine's own token")
    }

    @Test(
        "A user that cannot be is refused with what is wrong",
        arguments: [
            (#"{"role":"viewer","password":"short"}"#, "has 5 bytes"),
            (#"{"role":"viewer"}"#, "password is missing"),
            (#"{"password":"long enough for all"}"#, "role is missing"),
            (#"{"role":"root","password":"long enough for all"}"#, "role"),
            (#"{"role":"viewer","password":"with a \u0007 bell in it"}"#, "control characters"),
            (
                #"{"role":"viewer","password":"long enough for all","teams":["a/b"]}"#,
                "name of a team"
            ),
        ])
    func refusedUsers(_ form: String, _ words: String) async throws {
        let answer = try await farm.ask(
            "PUT", "/api/v1/users/anna", #"{"isNew":true,"# + form.dropFirst(), token: API.token)
        #expect(answer.status == 400)
        #expect(answer.text.contains(words), "\(answer.text)")
        for name in ["local", "scheduler", "a%20b"] {
            let answer = try await farm.ask(
                "PUT", "/api/v1/users/\(name)",
                #"{"isNew":true,"role":"viewer","password":"long enough for all"}"#,
                token: API.token)
            #expect(answer.status == 400, "\(name)")
        }
    }

    @Test("A token has no more rights than its user, and only for its guest OSes")
    func tokens() async throws {
        try await farm.add("anna", .operator)
        for name in ["debian12", "win10"] {
            try await farm.leader.add(.sample(name, owner: "default"))
        }
        let session = try await farm.signIn("anna")
        func make(_ form: String, token: String) async throws -> Answer {
            try await farm.ask("POST", "/api/v1/tokens", form, token: token)
        }
        let more = try await make(#"{"name":"x","rights":["release"]}"#, token: session)
        #expect(more.status == 400 && more.text.contains("no right to release"), "\(more.text)")
        let made = try await make(
            #"{"name":"ci","rights":["view","build"],"guestOSes":["debian*"],"days":2}"#,
            token: session)
        let token = try AccountFarm.token(made)
        #expect(token.hasPrefix("aib_") && token.utf8.count == 68)
        let stored = await farm.store.accessRecords().tokens
        #expect(!stored.contains { $0.digest == token })
        func builds(_ guestOS: String) async throws -> Int {
            try await farm.ask(
                "POST", "/api/v1/builds", #"{"guestOS":"\#(guestOS)"}"#, token: token
            ).status
        }
        #expect(try await builds("win10") == 403)
        #expect(try await builds("debian12") == 201)
        let drain = try await farm.ask("POST", "/api/v1/hosts/x/drain", token: token)
        #expect(drain.status == 403 && drain.text.contains("its rights are build, view"))
        // It makes no other, which might be wider or live longer, and opens no session.
        for (method, path, body) in [
            ("POST", "/api/v1/tokens", #"{"name":"y"}"#), ("POST", "/api/v1/sign-in-codes", "{}"),
            ("GET", "/api/v1/tokens", ""), ("DELETE", "/api/v1/tokens/x", ""),
            ("POST", "/api/v1/account/password", #"{"old":"x","new":"y"}"#),
            ("POST", "/api/v1/sign-out?everywhere=true", "{}"), ("GET", "/account", ""),
        ] {
            let answer = try await farm.ask(method, path, body, token: token)
            #expect(answer.status == 403, "\(method) \(path)")
            #expect(answer.text.contains("does not manage the account"), "\(answer.text)")
        }
        let others = try await farm.ask("GET", "/api/v1/tokens?user=bert", token: session)
        #expect(others.status == 403, "an empty list would look as if bert had none")
        // A limit that is mistyped is not left out.
        let typo = try await make(#"{"name":"z","right":["view"]}"#, token: session)
        #expect(typo.status == 400 && typo.text.contains("right"), "\(typo.text)")

        // It expires, also if the clock is set back to before it was made.
        farm.clock.advance(milliseconds: 2 * 86_400_000 + 1)
        #expect(try await builds("debian12") == 401)
        farm.clock.advance(milliseconds: -3 * 86_400_000)
        #expect(try await builds("debian12") == 401)
        farm.clock.advance(milliseconds: 86_400_000)

        // Revoked by its user, not by another one.
        let id = try #require(stored.first { $0.name == "ci" }?.id)
        let stranger = try await farm.token(of: .releaseManager)
        let path = "/api/v1/tokens/\(id)"
        #expect(try await farm.ask("DELETE", path, token: stranger).status == 404)
        #expect(
            try await farm.ask("GET", "/api/v1/tokens", token: stranger).text.contains(id) == false)
        #expect(try await builds("win10") == 403)
        #expect(try await farm.ask("DELETE", path, token: session).status == 204)
        #expect(try await builds("win10") == 401)
    }

    @Test("Every change has a row with who, from where, by what and in which request")
    func audit() async throws {
        try await farm.add("anna", .administrator)
        let token = try await farm.signIn("anna")
        let change = try await farm.ask(
            "PUT", "/api/v1/users/bert",
            #"{"isNew":true,"role":"viewer","password":"long enough for all"}"#, token: token,
            address: "192.0.2.9")
        _ = try await farm.ask(
            "PUT", "/api/v1/users/bert", #"{"role":"operator","teams":["x"]}"#, token: token)
        let request = try #require(change.headers["X-Request-ID"])
        let rows = try await farm.ask("GET", "/api/v1/audit?actor=anna&action=user", token: token)
        #expect(rows.status == 200)
        for part in [
            #""action":"user.add""#, #""subject":"bert""#, #""address":"192.0.2.9""#,
            #""request":"\#(request)""#, #""signedInBy":"token "#,
            "role: viewer → operator, teams: none → x",
        ] { #expect(rows.text.contains(part), "\(part) in \(rows.text)") }
        #expect(!rows.text.contains("long enough"))
        let csv = try await farm.ask(
            "GET", "/api/v1/audit?actor=anna&action=user.add&format=csv", token: token)
        let lines = csv.text.split(separator: "\r\n")
        #expect(lines.count == 2)
        #expect(lines[0] == "id,at,actor,action,subject,detail,address,signed_in_by,request")
        #expect(
            lines[1].contains(
                #","anna","user.add","bert","role: viewer, disabled: no","192.0.2.9""#.dropFirst()))
        for (since, count) in [
            ("2h", 2), ("3d", 2), ("2001-09-09", 2), ("2001-09-10", 0),
            ("2001-09-09T01:46:40Z", 2), ("2001-09-09T01:46:41Z", 0),
        ] {
            let path = "/api/v1/audit?actor=anna&action=user&format=csv&since=\(since)"
            let answer = try await farm.ask("GET", path, token: token)
            #expect(answer.text.split(separator: "\r\n").count == count + 1, "\(since)")
        }
        farm.clock.advance(milliseconds: 2 * 3_600_000 + 1)
        let late = try await farm.ask(
            "GET", "/api/v1/audit?actor=anna&action=user&format=csv&since=2h", token: token)
        #expect(late.text.split(separator: "\r\n").count == 1)
        let wrong = try await farm.ask("GET", "/api/v1/audit?since=yesterday", token: token)
        #expect(wrong.text.contains("Use how long ago (2h, 3d), a date such as 2026-11-30"))
        for bad in ["since=yesterday", "since=2x", "until=h", "after=x", "format=xml", "limit=0"] {
            let answer = try await farm.ask("GET", "/api/v1/audit?" + bad, token: token)
            #expect(answer.status == 400, "\(bad)")
        }
        for route in farm.api.table where route.pattern.contains("audit") {
            #expect(route.method == "GET")
        }
    }
}
