import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TestSupport
import Testing

/// How browsers get and lose their sessions, and what strangers try.
@Suite("Signing in") struct SignInTests {
    private let farm: AccountFarm
    private static let own: HTTPHeaders = [
        "Origin": "http://127.0.0.1:9753", "Content-Type": "application/x-www-form-urlencoded",
    ]

    init() async throws {
        farm = try await AccountFarm()
        try await farm.add("anna", .operator)
    }

    private func submit(
        _ name: String, _ password: String = AccountFarm.password, to: String? = nil,
        headers: HTTPHeaders = own, address: String = "10.0.0.7"
    ) async throws -> Answer {
        let form =
            "name=\(name)&password=\(password.replacing(" ", with: "+"))"
            + (to.map { "&to=\($0)" } ?? "")
        return try await farm.ask("POST", "/sign-in", form, headers: headers, address: address)
    }

    private static func session(_ answer: Answer) throws -> String {
        let cookie = try #require(answer.headers["Set-Cookie"])
        return String(cookie.prefix { $0 != ";" })
    }

    private func asked(
        _ method: String, _ target: String, _ cookie: String, _ headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var headers = headers
        headers.set("Cookie", cookie)
        return try await farm.ask(method, target, headers: headers)
    }

    @Test("A person signs in by the page, goes where she wanted to, and signs out")
    func signsIn() async throws {
        let html: HTTPHeaders = ["Accept": "text/html,*/*"]
        let away = try await farm.ask("GET", "/builds/x?a=b", headers: html)
        #expect(away.status == 303)
        #expect(away.headers["Location"] == "/sign-in?to=%2Fbuilds%2Fx%3Fa%3Db")
        let page = try await farm.ask("GET", "/sign-in?to=%2Fbuilds%2Fx%3Fa%3Db", headers: html)
        #expect(page.text.contains(#"name="to" value="/builds/x?a=b""#))
        #expect(page.text.contains("aibuild-coordinator admin-token"))

        let answer = try await submit("anna", to: "/builds/x")
        #expect(answer.status == 303 && answer.headers["Location"] == "/builds/x")
        let cookie = try #require(answer.headers["Set-Cookie"])
        #expect(cookie.contains("; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800"))
        #expect(!cookie.contains("Secure"))
        let session = try Self.session(answer)
        let stored = await farm.store.accessRecords().sessions
        #expect(stored.count == 1 && !session.contains(stored[0].digest))
        #expect(try await asked("GET", "/api/v1/hosts", session).status == 200)

        // A change must come from a page of this coordinator.
        let drain = "/api/v1/hosts/x/drain"
        #expect(try await asked("POST", drain, session).status == 401)
        let evil: HTTPHeaders = ["Origin": "http://evil.example"]
        #expect(try await asked("POST", drain, session, evil).status == 403)
        #expect(
            try await asked("POST", drain, session, ["Sec-Fetch-Site": "cross-site"]).status == 403)
        #expect(try await asked("POST", drain, session, Self.own).status != 401)

        #expect(try await asked("POST", "/sign-out", session, evil).status == 403)
        let out = try await asked("POST", "/sign-out", session, Self.own)
        #expect(out.status == 303 && out.headers["Set-Cookie"]?.contains("Max-Age=0") == true)
        #expect(try await asked("GET", "/api/v1/hosts", session).status == 401)
    }

    @Test("Which of name and password is wrong is not said; a disabled account is")
    func refusals() async throws {
        let wrong = try await submit("anna", "wrong horse battery")
        let unknown = try await submit("nobody", "wrong horse battery")
        for answer in [wrong, unknown] {
            #expect(answer.status == 401)
            #expect(answer.text.contains("The name or the password is wrong"))
            #expect(answer.headers["Set-Cookie"] == nil)
        }
        #expect(wrong.text.replacing("anna", with: "nobody") == unknown.text)
        _ = try await farm.ask(
            "PUT", "/api/v1/users/anna", #"{"disabled":true}"#, token: API.token)
        let disabled = try await submit("anna")
        #expect(disabled.status == 403 && disabled.text.contains("the account is disabled"))
        #expect(try await submit("anna", "wrong horse battery").status == 401)
    }

    @Test("A thousand passwords are not tried: not from one address, not for one name")
    func throttles() async throws {
        var tried = 0
        for _ in 0..<1000 where try await submit("anna", "wrong horse battery").status == 401 {
            tried += 1
        }
        #expect(tried == 10)
        let refused = try await submit("anna")
        #expect(refused.status == 429, "also with the right password, which tells nothing")
        #expect(refused.headers["Retry-After"] == "15")
        // Others are not held up, and from other addresses so is she after a while only.
        try await farm.add("bert", .viewer)
        #expect(try await submit("bert", address: "10.0.0.8").status == 303)
        tried = 0
        for number in 0..<100
        where try await submit("anna", "wrong horse battery", address: "10.1.0.\(number)").status
            == 401
        {
            tried += 1
        }
        #expect(tried == 20, "thirty for the name, ten of them from the first address")
        let rows = try await farm.ask("GET", "/api/v1/audit?action=sign-in", token: API.token)
        #expect(rows.text.contains("too many have failed from 10.0.0.7"), "\(rows.text)")
        // One who has an address of IPv6 has very many.
        tried = 0
        for number in 0..<30
        where try await submit(
            "carl", "wrong horse battery", address: "2001:db8::\(number):1"
        ).status == 401 { tried += 1 }
        #expect(tried == 10)
        farm.clock.advance(milliseconds: 16_000)
        #expect(try await submit("anna", address: "10.2.0.1").status == 303)
    }

    @Test("Sessions end by idleness and by age, and all at once by their user")
    func limits() async throws {
        let hour: Int64 = 3_600_000
        let idle = try Self.session(try await submit("anna"))
        farm.clock.advance(milliseconds: 24 * hour - 1)
        #expect(try await asked("GET", "/api/v1/hosts", idle).status == 200)
        farm.clock.advance(milliseconds: 24 * hour)
        #expect(try await asked("GET", "/api/v1/hosts", idle).status == 401)

        let old = try Self.session(try await submit("anna"))
        for _ in 0..<14 {
            #expect(try await asked("GET", "/api/v1/hosts", old).status == 200)
            farm.clock.advance(milliseconds: 12 * hour)
        }
        #expect(try await asked("GET", "/api/v1/hosts", old).status == 401)

        let one = try Self.session(try await submit("anna"))
        let other = try Self.session(try await submit("anna"))
        #expect(one != other, "no session is taken over")
        let answer = try await asked(
            "POST", "/api/v1/sign-out?everywhere=true", one,
            ["Origin": "http://127.0.0.1:9753", "Content-Type": "application/json"])
        #expect(answer.status == 204)
        for session in [one, other] {
            #expect(try await asked("GET", "/api/v1/hosts", session).status == 401)
        }
    }

    @Test(
        "Nobody is sent to another site after the sign-in",
        arguments: [
            "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example",
            "/%09/evil.example", "javascript:alert(1)", "/a%0d%0aSet-Cookie:x=y", "", "/sign-out",
            "evil",
        ])
    func openRedirect(_ to: String) async throws {
        #expect(try await submit("anna", to: to).headers["Location"] == "/")
        let page = try await farm.ask("GET", "/sign-in?to=\(to.replacing(":", with: "%3A"))")
        #expect(!page.text.contains("evil") && !page.text.contains("javascript"))
    }

    @Test("Another site signs nobody in as somebody else, and fixes no session")
    func fixation() async throws {
        for headers in [
            ["Origin": "http://evil.example"], ["Sec-Fetch-Site": "cross-site"], [:],
        ] as [HTTPHeaders] { #expect(try await submit("anna", headers: headers).status == 403) }
        var fixed = Self.own
        fixed.set("Cookie", "aibuild_session=\(String(repeating: "0", count: 64))")
        let session = try Self.session(try await submit("anna", headers: fixed))
        #expect(
            !session.contains("0000000000000000000000000000000000000000000000000000000000000000"))
        #expect(try await asked("GET", "/api/v1/hosts", fixed["Cookie"] ?? "").status == 401)
        // A token in the address is none.
        let token = try await farm.signIn("anna")
        for target in ["/api/v1/hosts?token=\(token)", "/api/v1/hosts?access_token=\(token)"] {
            #expect(try await farm.ask("GET", target).status == 401)
        }
    }

    @Test("A code signs its user in once and soon; the machine's own is an administrator's")
    func codes() async throws {
        func code(_ token: String) async throws -> String {
            let answer = try await farm.ask("POST", "/api/v1/sign-in-codes", token: token)
            let found = try #require(answer.text.firstMatch(of: #/"path":"([^"]+)"/#)?.1)
            return String(found).replacing("\\/", with: "/")
        }
        func name(_ path: String) async throws -> String? {
            let answer = try await farm.ask("GET", path)
            guard answer.status == 303 else { return nil }
            let who = try await asked("GET", "/api/v1/whoami", try Self.session(answer))
            return who.text.firstMatch(of: #/"name":"([^"]+)"/#).map { String($0.1) }
        }
        let path = try await code(try await farm.signIn("anna"))
        // What looks at links does not use it up, and no other site sends anybody here.
        #expect(try await farm.ask("HEAD", path).status == 200)
        let led = try await farm.ask("GET", path, headers: ["Sec-Fetch-Site": "cross-site"])
        #expect(led.status == 403)
        #expect(try await name(path) == "anna")
        #expect(try await name(path) == nil, "used")
        #expect(try await name(try await code(API.token)) == "local")
        let late = try await code(API.token)
        farm.clock.advance(milliseconds: 5 * 60_000)
        #expect(try await name(late) == nil)
        let own = try await code(try await farm.signIn("anna"))
        _ = try await farm.ask("DELETE", "/api/v1/users/anna", token: API.token)
        #expect(try await name(own) == nil, "of a user that is gone")
    }

    @Test("A password is changed by whoever knows it, and signs other browsers out")
    func changesPassword() async throws {
        let session = try Self.session(try await submit("anna"))
        let token = try await farm.signIn("anna")
        func change(_ old: String, _ new: String) async throws -> Int {
            try await farm.ask(
                "POST", "/api/v1/account/password", #"{"old":"\#(old)","new":"\#(new)"}"#,
                token: token
            ).status
        }
        #expect(try await change("wrong horse battery", "another long one") == 401)
        #expect(try await change(AccountFarm.password, "short") == 400)
        #expect(try await change(AccountFarm.password, "another long one") == 204)
        #expect(try await asked("GET", "/api/v1/hosts", session).status == 401)
        #expect(try await submit("anna").status == 401)
        #expect(try await submit("anna", "another long one").status == 303)
    }
}
