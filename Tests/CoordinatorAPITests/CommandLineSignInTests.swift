import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Support
import TestSupport
import Testing

@Suite("Signing a command line in by a browser") struct CommandLineSignInTests {
    private let farm: AccountFarm
    private let verifier = String(repeating: "v", count: 64)
    private let state = String(repeating: "5", count: 32)

    init() async throws { farm = try await AccountFarm() }

    private var fields: String {
        "port=40000&challenge=\(PKCE.challenge(of: verifier))&state=\(state)"
    }

    private func allow(
        _ fields: String, token: String, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        try await farm.ask(
            "POST", "/account/command-line", fields, token: token, headers: headers)
    }

    private func redeem(_ code: String, _ verifier: String) async throws -> Answer {
        try await farm.ask(
            "POST", "/api/v1/sign-in/code",
            #"{"code":"\#(code)","verifier":"\#(verifier)","tokenName":"laptop","days":7}"#)
    }

    private func code(_ answer: Answer) throws -> String {
        let location = try #require(answer.headers["Location"], "\(answer.text)")
        let start = "http://127.0.0.1:40000/?code="
        #expect(location.hasPrefix(start) && location.hasSuffix("&state=\(state)"), "\(location)")
        return String(location.dropFirst(start.count).prefix { $0 != "&" })
    }

    @Test("Whoever knows the text behind the challenge gets the person's token, once")
    func allows() async throws {
        let anna = try await farm.token(of: .operator)
        let page = try await farm.ask("GET", "/account/command-line?\(fields)", token: anna)
        #expect(page.status == 200 && page.text.contains(">Allow</button>"))
        #expect(
            page.headers["Content-Security-Policy"]?
                .contains("form-action 'self' http://127.0.0.1:40000;") == true)
        let code = try code(try await allow(fields, token: anna))
        #expect(try await redeem(code, verifier + "x").status == 401)
        #expect(try await farm.ask("GET", "/sign-in?code=\(code)").status == 401, "no browser's")
        let answer = try await redeem(code, verifier)
        let token = try AccountFarm.token(answer)
        let who = try await farm.ask("GET", "/api/v1/whoami", token: token)
        #expect(who.text.contains(#""role":"operator""#), "\(who.text)")
        #expect(try await redeem(code, verifier).status == 401, "used")

        // A code for a browser is no command line's.
        let own = try await farm.ask("POST", "/api/v1/sign-in-codes", token: anna)
        let other = String(try #require(own.text.firstMatch(of: /code=([0-9a-f]+)/)).output.1)
        #expect(try await redeem(other, verifier).status == 401)
        let late = try self.code(try await allow(fields, token: anna))
        farm.clock.advance(milliseconds: 6 * 60_000)
        #expect(try await redeem(late, verifier).status == 401, "too late")
    }

    @Test("Nobody is led elsewhere, and nobody but the person allows it") func refuses()
        async throws
    {
        let anna = try await farm.token(of: .viewer)
        for bad in [
            "", fields.replacing("40000", with: "80"), fields.replacing("40000", with: "65536"),
            fields.replacing("40000", with: "40000%40evil.test"),
            fields.replacing("state=5", with: "state=%0D%0A"),
            fields.replacing("challenge=", with: "challenge=x"),
        ] {
            #expect(try await allow(bad, token: anna).status == 400, "\(bad)")
            let page = try await farm.ask("GET", "/account/command-line?\(bad)", token: anna)
            #expect(page.status == 400)
        }
        let stranger = try await farm.ask(
            "GET", "/account/command-line?\(fields)", headers: ["Accept": "text/html"])
        #expect(stranger.status == 303)
        #expect(stranger.headers["Location"]?.hasPrefix("/sign-in?to=%2Faccount%2F") == true)
        #expect(try await allow(fields, token: API.token).status == 403, "no user")
        // A page of another site, with the person's own cookie.
        let session = try await farm.session(token: anna)
        for headers: HTTPHeaders in [
            ["Cookie": session], ["Cookie": session, "Origin": "https://evil.test"],
            ["Cookie": session, "Sec-Fetch-Site": "cross-site"],
        ] {
            let answer = try await farm.ask(
                "POST", "/account/command-line", fields, headers: headers)
            #expect(answer.status == 401 || answer.status == 403)
        }
        // A program's token does not become its user's.
        let made = try await farm.ask(
            "POST", "/api/v1/tokens", #"{"name":"robot"}"#, token: anna)
        let robot = try AccountFarm.token(made)
        #expect(try await allow(fields, token: robot).status == 403)
    }
}
