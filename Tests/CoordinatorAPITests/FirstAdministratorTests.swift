import CoordinatorCore
import HTTPTypes
import Testing

@testable import CoordinatorAPI

/// What the address that `aibuild-coordinator admin-token` prints leads to.
@Suite("The first administrator") struct FirstAdministratorTests {
    private static let path = "/account/first-administrator"
    private let farm: AccountFarm

    init() async throws { farm = try await AccountFarm() }

    private func open() async throws -> Answer {
        let made = try await farm.ask("POST", "/api/v1/sign-in-codes", token: API.token)
        let code = try #require(made.text.firstMatch(of: /code=([0-9a-f]+)/)?.output.1)
        return try await farm.ask("GET", "/sign-in?code=\(code)")
    }

    private func cookie(_ answer: Answer) -> String {
        String((answer.headers["Set-Cookie"] ?? "").prefix { $0 != ";" })
    }

    private func submit(
        _ fields: String, _ cookie: String, site: String? = "same-origin"
    ) async throws -> Answer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie,
        ]
        if let site { headers.set("Sec-Fetch-Site", site) }
        return try await farm.ask("POST", Self.path, fields, headers: headers)
    }

    private static let fields =
        "name=anna&password=correct+horse+battery&again=correct+horse+battery"

    @Test("The form makes an administrator and signs the browser in as that one")
    func adds() async throws {
        let opened = try await open()
        #expect(opened.status == 303 && opened.headers["Location"] == Self.path)
        let local = cookie(opened)
        let page = try await farm.ask("GET", Self.path, headers: ["Cookie": local])
        #expect(page.status == 200 && page.text.contains("Add administrator</button>"))
        #expect(page.text.contains("<form class=\"sign-in\" method=\"post\""))
        let done = try await submit(Self.fields, local)
        #expect(done.status == 303 && done.headers["Location"] == "/", "\(done.text)")
        let session: HTTPHeaders = ["Cookie": cookie(done)]
        let who = try await farm.ask("GET", "/api/v1/whoami", headers: session)
        #expect(who.text.contains(#""name":"anna""#) && who.text.contains("administrator"))
        let old = try await farm.ask("GET", "/api/v1/whoami", headers: ["Cookie": local])
        #expect(old.status == 401, "the machine is signed out")
        let rows = try await farm.store.audit(limit: 3)
        #expect(rows.map(\.action) == ["session.open", "session.close", "user.add"])
        #expect(rows[2].actor == "local" && rows[2].subject == "anna")
        _ = try await farm.signIn("anna")
    }

    @Test("Once somebody administers, the form is gone, and the address signs in as before")
    func onlyOnce() async throws {
        let local = cookie(try await open())
        try await farm.add("bert", .administrator)
        let late = try await submit(Self.fields, local)
        #expect(late.status == 303 && late.headers["Location"] == "/account")
        #expect(await farm.store.accessRecords().principals.map(\.name) == ["bert"])
        #expect(try await open().headers["Location"] == "/")
    }

    @Test("What cannot be is said on the form, which keeps the name")
    func mistakes() async throws {
        let local = cookie(try await open())
        for (fields, why) in [
            ("name=a%3Cb&password=correct+horse+battery&again=correct+horse+batterz", "differ"),
            ("name=anna&password=short&again=short", "has 5 bytes"),
            ("name=local&password=correct+horse+battery&again=correct+horse+battery", "own"),
            ("name=&password=correct+horse+battery&again=correct+horse+battery", "name"),
        ] {
            let answer = try await submit(fields, local)
            #expect(answer.status == 400 && answer.text.contains(why), "\(answer.text)")
            #expect(answer.text.contains("role=\"alert\"") && !answer.text.contains("a<b"))
        }
        #expect(try await submit("name=%GG", local).status == 400)
        #expect(await farm.store.accessRecords().principals.isEmpty)
    }

    @Test("Neither another site, nor a stranger, nor a user makes one")
    func strangers() async throws {
        let local = cookie(try await open())
        for site in ["cross-site", nil] {
            #expect(try await submit(Self.fields, local, site: site).status >= 400)
        }
        #expect(try await submit(Self.fields, "aibuild_session=0").status == 401)
        let viewer = try await farm.session(token: try await farm.token(of: .operator))
        let led = try await submit(Self.fields, viewer)
        #expect(led.status == 303 && led.headers["Location"] == "/account")
        #expect(await farm.store.accessRecords().principals.count == 1)
    }
}
