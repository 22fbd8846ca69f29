import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Support
import Synchronization
import TestSupport
import Testing

/// Another system that signs browsers in, as a test says: the code is the person's name.
final class ListedBrowsers: BrowserIdentityProvider {
    private let people = Mutex<[String: ProvidedIdentity]>([:])
    private let visits = Mutex<[BrowserVisit]>([])

    var source: Principal.Source { .openid }
    var label: String { "Example <Login>" }
    let returnURL: String

    init(at url: String = "http://127.0.0.1:9753") {
        returnURL = url + "/sign-in/openid/callback"
    }

    var last: BrowserVisit? { visits.withLock(\.last) }
    var contact: ProviderContact {
        var contact = ProviderContact()
        contact.reachedMilliseconds = 1_000
        contact.fault = "it cannot be asked"
        contact.faultMilliseconds = 2_000
        return contact
    }

    func check(issuer: String?) async throws {
        guard issuer == "https://evil.test" else { return }
        throw IdentityFault(.refused, "the answer is of another provider")
    }

    func set(
        _ code: String, _ role: Role?, name: String? = nil, subject: String? = nil,
        teams: [String] = []
    ) {
        let identity = ProvidedIdentity(
            name: name ?? code, subject: subject ?? "subject of \(code)", role: role,
            teams: teams, has: ["a"], accepted: ["b"])
        people.withLock { $0[code] = identity }
    }

    func address(for visit: BrowserVisit) async throws -> String {
        visits.withLock { $0.append(visit) }
        return "https://login.test/?state=\(visit.state)"
    }

    func identity(code: String, of visit: BrowserVisit) async throws -> ProvidedIdentity {
        guard visits.withLock({ $0.contains(visit) }) else {
            throw IdentityFault(.refused, "it was not asked for this")
        }
        if code == "away" { throw IdentityFault(.unreachable, "it cannot be asked") }
        // Good once.
        guard let known = people.withLock({ $0.removeValue(forKey: code) }) else {
            throw IdentityFault(.refused, "it does not take what the browser brought")
        }
        return known
    }
}

@Suite("Signing in by a browser") struct BrowserSignInTests {
    private let people = ListedBrowsers()
    private let farm: AccountFarm

    init() async throws { farm = try await AccountFarm(browsers: people) }

    private func get(
        _ target: String, cookie: String? = nil, address: String = "10.0.0.7"
    ) async throws -> Answer {
        var headers: HTTPHeaders = ["Accept": "text/html", "Sec-Fetch-Site": "cross-site"]
        if let cookie { headers.set("Cookie", cookie) }
        return try await farm.ask("GET", target, headers: headers, address: address)
    }

    /// - Returns: the cookie of that name.
    private func cookie(_ name: String, _ answer: Answer) throws -> String {
        let all = answer.headers.all("Set-Cookie").filter { $0.hasPrefix(name + "=") }
        let field = try #require(all.first, "\(answer.headers)")
        return String(field.prefix { $0 != ";" })
    }

    private func begin(to: String = "/") async throws -> String {
        let answer = try await get("/sign-in/openid?to=\(to)")
        #expect(answer.status == 303)
        let field = answer.headers["Set-Cookie"] ?? ""
        #expect(field.contains("; HttpOnly; SameSite=Lax; Path=/sign-in/openid;"), "\(field)")
        return try cookie("aibuild_visit", answer)
    }

    private func back(
        _ code: String, _ visit: String?, state: String? = nil, address: String = "10.0.0.7"
    ) async throws -> Answer {
        let state = state ?? people.last?.state ?? ""
        return try await get(
            "/sign-in/openid/callback?code=\(code)&state=\(state)", cookie: visit,
            address: address)
    }

    @Test("A browser goes there, comes back, and is where the person wanted to go")
    func signsIn() async throws {
        people.set("anna", .operator, teams: ["linux"])
        let page = try await get("/sign-in?to=/builds/x")
        #expect(page.text.contains(#"href="/sign-in/openid?to=%2Fbuilds%2Fx">"#), "\(page.text)")
        #expect(page.text.contains("Sign in by Example &lt;Login&gt;"))
        let visit = try await begin(to: "/builds/x")
        let answer = try await back("anna", visit)
        #expect(answer.status == 303 && answer.headers["Location"] == "/builds/x")
        #expect(try cookie("aibuild_visit", answer) == "aibuild_visit=", "forgotten")
        let session = try cookie("aibuild_session", answer)
        let who = try await get("/api/v1/whoami", cookie: session)
        #expect(who.text.contains(#""role":"operator""#) && who.text.contains("linux"))
        let user = try await farm.ask("GET", "/api/v1/users/anna", token: API.token)
        #expect(user.text.contains(#""source":"openid""#))

        // What was used is used, with everything else the same.
        #expect(try await back("anna", visit).status == 403)
    }

    @Test("A browser at another name of the coordinator is led to the one that it comes back to")
    func otherName() async throws {
        let people = ListedBrowsers(at: "https://builds.test")
        let farm = try await AccountFarm(browsers: people, url: "https://builds.test/")
        let answer = try await farm.ask("GET", "/sign-in/openid?to=/builds/x")
        let there = "https://builds.test/sign-in/openid?moved=true&to=%2Fbuilds%2Fx"
        #expect(answer.status == 303 && answer.headers["Location"] == there)
        #expect(answer.headers["Set-Cookie"] == nil)
        // Behind a proxy that hides it: once is enough.
        let moved = try await farm.ask("GET", "/sign-in/openid?moved=true&to=/builds/x")
        #expect(moved.headers["Location"]?.hasPrefix("https://login.test/") == true)
    }

    @Test("Without api.url, a browser is led to this machine's other name, or told where to go")
    func loopbackNames() async throws {
        func ask(_ url: String, from host: String) async throws -> Answer {
            let farm = try await AccountFarm(
                browsers: ListedBrowsers(at: url), names: [host.split(separator: ":")[0]])
            return try await farm.ask(
                "GET", "/sign-in/openid?to=/builds/x", headers: ["Host": host])
        }
        let moved = try await ask("http://127.0.0.1:9753", from: "localhost:9753")
        let there = "http://127.0.0.1:9753/sign-in/openid?moved=true&to=%2Fbuilds%2Fx"
        #expect(moved.status == 303 && moved.headers["Location"] == there, "\(moved.headers)")
        let lan = try await ask("http://10.0.0.5:9753", from: "builds.lan:9753")
        #expect(lan.headers["Location"]?.hasPrefix("http://10.0.0.5:9753/sign-in/") == true)
        let same = try await ask("http://127.0.0.1:9753", from: "127.0.0.1:9753")
        #expect(same.headers["Location"]?.hasPrefix("https://login.test/") == true)

        let proxied = try await ask("http://127.0.0.1:9753", from: "builds.lan")
        #expect(proxied.status == 403 && proxied.headers["Set-Cookie"] == nil)
        #expect(proxied.text.contains("Open http://127.0.0.1:9753 on the coordinator"))
        #expect(proxied.text.contains("or set api.url in coordinator.yml"), "\(proxied.text)")
        let wildcard = try await ask("http://0.0.0.0:9753", from: "builds.lan")
        #expect(wildcard.status == 403 && wildcard.text.contains("builds.lan. Set api.url"))
        #expect(!wildcard.text.contains("Open http"), "\(wildcard.text)")
    }

    @Test("An answer of another provider signs nobody in, and shows nothing of what it says")
    func otherIssuer() async throws {
        people.set("anna", .operator)
        let visit = try await begin()
        let state = people.last?.state ?? ""
        for answer in ["code=anna", "error_description=Call-us"] {
            let refused = try await get(
                "/sign-in/openid/callback?\(answer)&state=\(state)&iss=https://evil.test",
                cookie: visit)
            #expect(refused.status == 403 && refused.headers["Set-Cookie"] == nil)
            #expect(refused.text.contains("of another provider"), "\(refused.text)")
            #expect(!refused.text.contains("Call-us"))
        }
    }

    @Test("The setup says when the provider was reached, and what went wrong since")
    func contact() async throws {
        let setup = try await farm.ask("GET", "/api/v1/setup", token: API.token)
        for words in [
            #""reachedAt":"1970-01-01T00:00:01.000Z""#, #""problem":"it cannot be asked""#,
            #""problemAt":"1970-01-01T00:00:02.000Z""#,
        ] { #expect(setup.text.contains(words), "\(setup.text)") }
    }

    @Test("What does not belong to this browser signs nobody in") func strangers() async throws {
        people.set("anna", .operator)
        let visit = try await begin()
        let state = people.last?.state ?? ""
        // Another browser, another visit, a guessed state, a session of a stranger's choosing.
        for (cookie, state) in [
            (nil, state), ("aibuild_visit=", state), ("aibuild_visit=1.2.3", state),
            ("aibuild_visit=99999999999999999999.a.b", state), (visit + "0", state),
            (visit, ""), (visit, String(state.dropLast())), (visit, state + "0"),
        ] as [(String?, String)] {
            let answer = try await back("anna", cookie, state: state)
            #expect(answer.status == 403 && answer.headers["Set-Cookie"] == nil)
            #expect(answer.text.contains("was not sent to sign in elsewhere"), "\(answer.text)")
        }
        let old = try await begin()
        let oldState = people.last?.state ?? ""
        farm.clock.advance(milliseconds: 16 * 60_000)
        #expect(try await back("anna", old, state: oldState).status == 403, "too late")
        let fixed = try await begin()
        let answer = try await back("anna", fixed + "; aibuild_session=chosen")
        #expect(try cookie("aibuild_session", answer) != "aibuild_session=chosen")
    }

    @Test(
        "After the sign-in, the browser stays here",
        arguments: [
            "https://evil.test/", "//evil.test", "/%5Cevil.test", "javascript:x", "/a%0D%0AX:y",
            "/sign-in/openid",
        ])
    func openRedirect(_ to: String) async throws {
        people.set("anna", .viewer)
        let answer = try await back("anna", try await begin(to: to))
        #expect(answer.status == 303 && answer.headers["Location"] == "/")
    }

    @Test("A person reads why it did not work") func refusals() async throws {
        let visit = try await begin()
        let state = people.last?.state ?? ""
        let words = "error=access_denied&error_description=%3Cno%3E"
        let told = try await get(
            "/sign-in/openid/callback?\(words)&state=\(state)", cookie: visit)
        #expect(told.status == 403 && told.text.contains("it says: &lt;no&gt;"), "\(told.text)")
        #expect(try await back("away", try await begin()).status == 503)
        people.set("bert", nil)
        let none = try await back("bert", try await begin())
        #expect(none.status == 403)
        #expect(none.text.contains("you have &#39;a&#39;; accepted is &#39;b&#39;"), "\(none.text)")
        #expect(await farm.store.accessRecords().principals.isEmpty)
    }

    @Test("A name that belongs to somebody else is not taken over; a new name of the same is kept")
    func names() async throws {
        try await farm.add("anna", .viewer)
        people.set("1", .administrator, name: "anna")
        let taken = try await back("1", try await begin())
        #expect(taken.status == 403 && taken.text.contains("belongs to another user"))

        people.set("2", .operator, name: "carl@example.org", subject: "s")
        #expect(try await back("2", try await begin()).status == 303)
        // The provider gives the name to somebody else, and carl another one.
        people.set("3", .administrator, name: "carl@example.org", subject: "t")
        #expect(try await back("3", try await begin()).status == 403)
        people.set("4", .viewer, name: "charles", subject: "s")
        #expect(try await back("4", try await begin()).status == 303)
        let users = await farm.store.accessRecords().principals
        #expect(users.map(\.name) == ["anna", "carl@example.org"])
        #expect(users.last?.role == .viewer, "the role follows")

        for name in ["local", "a/b", "", "x\ny", String(repeating: "n", count: 65)] {
            people.set("5", .administrator, name: name)
            #expect(try await back("5", try await begin()).status == 403, "\(name)")
        }
        // Nor does a password let such a user in.
        let form = #"{"name":"carl@example.org","password":"\#(AccountFarm.password)"}"#
        #expect(try await farm.ask("POST", "/api/v1/sign-in", form).status == 401)
        _ = try await farm.ask(
            "PUT", "/api/v1/users/carl%40example.org", #"{"disabled":true}"#, token: API.token)
        people.set("6", .viewer, name: "carl@example.org", subject: "s")
        #expect(try await back("6", try await begin()).status == 403)
    }

    @Test("Who has no role any more loses what earlier sign-ins gave") func shutOut() async throws {
        people.set("1", .operator, name: "dora", subject: "d")
        let session = try cookie("aibuild_session", try await back("1", try await begin()))
        let headers: HTTPHeaders = ["Cookie": session, "Sec-Fetch-Site": "same-origin"]
        let made = try await farm.ask(
            "POST", "/api/v1/tokens", #"{"name":"robot"}"#, headers: headers)
        let robot = try AccountFarm.token(made)
        #expect(try await farm.ask("GET", "/api/v1/whoami", token: robot).status == 200)
        // Somebody else's sign-in changes nothing of dora's.
        people.set("2", nil, name: "dora", subject: "e")
        #expect(try await back("2", try await begin()).status == 403)
        #expect(try await farm.ask("GET", "/api/v1/whoami", token: robot).status == 200)
        people.set("3", nil, name: "dora", subject: "d")
        #expect(try await back("3", try await begin()).status == 403)
        #expect(try await farm.ask("GET", "/api/v1/whoami", token: robot).status == 401)
        let who = try await farm.ask("GET", "/api/v1/whoami", headers: ["Cookie": session])
        #expect(who.status == 401)
        let rows = try await farm.ask("GET", "/api/v1/audit?actor=openid", token: API.token)
        #expect(rows.text.contains("no role any more"), "\(rows.text)")
    }

    @Test("Codes are not tried on and on from one address") func tries() async throws {
        let visit = try await begin()
        var statuses: [Int] = []
        for _ in 0..<20 { statuses.append(try await back("guess", visit).status) }
        #expect(statuses.filter { $0 == 403 }.count == 10)
        #expect(statuses.filter { $0 == 429 }.count == 10)
        people.set("anna", .viewer)
        #expect(try await back("anna", visit).status == 429)
        #expect(try await back("anna", visit, address: "10.0.0.8").status == 303)
    }
}
