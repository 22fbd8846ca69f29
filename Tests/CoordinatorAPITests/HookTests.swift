import CoordinatorCore
import CoordinatorService
import FoundationEssentials
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import CoordinatorAPI

/// What a hook is answered, and what is stored of it.
@Suite("Webhooks") struct HookTests {
    private static let path = HookRoutes.prefix + "gitlab"

    private func report(_ commit: String = "c0ffee", project: String = "g/a") -> String {
        #"{"object_kind":"push","ref":"refs/heads/main","after":"\#(commit)","#
            + #""project":{"path_with_namespace":"\#(project)","default_branch":"main"}}"#
    }

    private func ask(
        _ api: API, _ body: String, secret: String? = StillServer.secret, key: String? = nil,
        isStranger: Bool = true
    ) async throws -> Answer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "X-Gitlab-Event": "Push Hook",
        ]
        if let secret { headers.set("X-Gitlab-Token", secret) }
        if let key { headers.set("Idempotency-Key", key) }
        return try await api.ask(
            "POST", Self.path, body, headers: headers, isStranger: isStranger)
    }

    private struct Stored: Decodable {
        var delivery: Int?
        var state, outcome: String?
    }

    private func stored(_ answer: Answer) throws -> Stored {
        try JSONDecoder().decode(Stored.self, from: Data(answer.text.utf8))
    }

    /// GitLab switches a hook off that answers with an error, for other projects as well.
    @Test("Whatever carries the hook's secret is stored, and answered with 200")
    func answers() async throws {
        let farm = try await LeaderAPI(templateServer: StillServer())
        let cases: [(body: String, state: String, outcome: String?)] = [
            ("", "ignored", "the request is not a report of GitLab (Push Hook) in JSON"),
            (#"{"object_kind":"pipeline"}"#, "ignored", "pipeline events start no build"),
            (report("000000"), "ignored", "main was deleted"),
            (report(), "queued", nil),
        ]
        for (body, state, outcome) in cases {
            let answer = try await ask(farm.api, body)
            let said = try stored(answer)
            #expect(answer.status == 200 && said.state == state && said.outcome == outcome)
            let delivery = try #require(await farm.store.delivery(id: said.delivery ?? 0))
            #expect(delivery.payloadBytes == Int64(body.utf8.count))
            #expect(await farm.store.payload(ofDelivery: delivery.id) == body)
        }
        for secret in [nil, "", "another"] {
            #expect(try await ask(farm.api, report(), secret: secret).status == 401)
        }
        #expect(await farm.store.deliveries(DeliveryFilter(), limit: 9).count == cases.count)
    }

    @Test("The same delivery sent again is one delivery, by its key or its content")
    func twice() async throws {
        let farm = try await LeaderAPI(templateServer: StillServer())
        func id(_ body: String, key: String? = nil) async throws -> Int? {
            try stored(try await ask(farm.api, body, key: key)).delivery
        }
        let first = try await id(report(), key: "a")
        #expect(try await id(report("d"), key: "a") == first)
        #expect(try await id(report(), key: "b") != first)
        let plain = try await id(report())
        #expect(try await id(report()) == plain)
        #expect(try await id(report("e")) != plain)
        let long = String(repeating: "k", count: 4000)
        let named = try await id(report(), key: long)
        #expect(try await id(report(), key: long) == named)
    }

    @Test("A signed body is taken, a forged or changed one and another hook's are refused")
    func signed() async throws {
        let secret = "a long enough secret"
        let hooks = ["github", "other"].map {
            HookSource(
                name: $0, kind: .github, url: "https://git",
                secret: Secret($0 == "github" ? secret : "another long secret"))
        }
        let api = try await API.leading(hooks: hooks)
        let body = #"{"zen":"x"}"#
        let digest = HMAC.sha256(Array(body.utf8), key: Array(secret.utf8))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        func status(
            _ name: String, _ signature: String?, _ body: String
        ) async throws -> Int {
            var headers: HTTPHeaders = ["X-GitHub-Event": "ping"]
            if let signature { headers.set("X-Hub-Signature-256", signature) }
            return try await api.ask(
                "POST", HookRoutes.prefix + name, body, headers: headers, isStranger: true
            ).status
        }
        #expect(try await status("github", "sha256=" + digest, body) == 200)
        #expect(try await status("github", "sha256=" + digest, body + " ") == 401)
        #expect(try await status("github", nil, body) == 401)
        #expect(try await status("other", "sha256=" + digest, body) == 401)
        #expect(try await status("github/x", nil, body) == 401)
    }

    @Test("A hook that stayed after it was taken out is told so, and everybody else is refused")
    func noServer() async throws {
        let api = try await API.leading()
        for (secret, isStranger) in [(StillServer.secret, true), (nil, false)] {
            let answer = try await ask(api, report(), secret: secret, isStranger: isStranger)
            #expect(answer.status == 200)
            #expect(answer.text.contains("no such hook"), "\(answer.text)")
        }
        #expect(try await ask(api, report(), secret: nil).status == 401)
    }

    @Test("A report of 5 MB is taken, and only its beginning is kept")
    func large() async throws {
        let farm = try await LeaderAPI(templateServer: StillServer())
        let commit = #"{"id":"c0ffee","message":"\#(String(repeating: "m", count: 2_600))"}"#
        let commits = Array(repeating: commit, count: 2_048).joined(separator: ",")
        let body = #"{"commits":[\#(commits)],"# + report().dropFirst()
        #expect(body.utf8.count > 5_000_000)
        let said = try stored(try await ask(farm.api, body))
        let delivery = try #require(await farm.store.delivery(id: said.delivery ?? 0))
        #expect(said.state == "queued" && delivery.reports.map(\.commit) == ["c0ffee"])
        #expect(delivery.payloadBytes == Int64(body.utf8.count))
        let kept = try #require(await farm.store.payload(ofDelivery: delivery.id))
        #expect(kept.utf8.count == DeliveryRules.payloadBytes && body.hasPrefix(kept))
    }

    @Test("A report that is too large to be read is ignored, other requests are refused")
    func oversized() async throws {
        let api = try await API.leading(templateServer: StillServer())
        func answer(_ path: String) throws -> HTTPResponse? {
            api.response(toOversized: try HTTPRequest(method: "POST", target: path))
        }
        let hook = try #require(try answer(Self.path))
        let text = Answer(status: hook.status, headers: hook.headers, body: hook.body).text
        #expect(hook.status == 200)
        #expect(text.hasPrefix(#"{"ignored":"the report is too large"#), "\(text)")
        #expect(try answer("/api/v1/import") == nil)
    }

    @Test("A standby stores what hooks report, and serves the list")
    func standby() async throws {
        let store = InMemoryStore()
        let api = try await API.leading(
            store, standing: .standingBy(url: "http://leader"), templateServer: StillServer())
        #expect(try await ask(api, report()).status == 200)
        #expect(await store.deliveries(DeliveryFilter(), limit: 9).count == 1)
        #expect(try await api.ask("GET", "/api/v1/deliveries").status == 200)
        #expect(try await api.ask("POST", "/api/v1/deliveries/1/replay").status == 307)
    }

    @Test("Deliveries are listed, shown, replayed and approved, and unknown ones say what to do")
    func deliveries() async throws {
        let farm = try await LeaderAPI(templateServer: StillServer())
        let (api, store) = (farm.api, farm.store)
        for number in 0..<3 { _ = try await ask(api, report("c\(number)"), key: "\(number)") }
        try await eventually("all are handled") {
            await store.deliveries(DeliveryFilter(states: [.queued]), limit: 9).isEmpty
        }
        let list = try await api.ask("GET", "/api/v1/deliveries?limit=2")
        #expect(list.text.contains(#""next":"2""#), "\(list.text)")
        let rest = try await api.ask("GET", "/api/v1/deliveries?after=2&state=ignored")
        #expect(rest.text.contains(#""commit":"c0""#) && !rest.text.contains(#""next""#))
        let one = try await api.ask("GET", "/api/v1/deliveries/1")
        #expect(one.text.contains("path_with_namespace"), "\(one.text)")
        let again = try await api.ask("POST", "/api/v1/deliveries/1/replay")
        #expect(again.status == 201 && again.text.contains(#""repeats":1"#), "\(again.text)")
        #expect(try await api.ask("POST", "/api/v1/deliveries/1/approve").status == 409)
        for path in ["/api/v1/deliveries/99", "/api/v1/deliveries/99/replay"] {
            let method = path.hasSuffix("replay") ? "POST" : "GET"
            let answer = try await api.ask(method, path)
            #expect(answer.status == 404 && answer.text.contains("aibuild deliveries"))
        }
        for path in ["/api/v1/deliveries/x", "/api/v1/deliveries?state=x"] {
            #expect(try await api.ask("GET", path).status == 400)
        }
        let hooks = try await api.ask("GET", "/api/v1/hooks")
        #expect(
            hooks.text.contains(#""name":"gitlab""#) && !hooks.text.contains(StillServer.secret))
        let page = try await api.ask("GET", "/deliveries")
        #expect(page.status == 200 && page.text.contains("push of c0 to main in g/a"))
    }
}
