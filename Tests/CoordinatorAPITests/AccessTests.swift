import CoordinatorAPI
import HTTPTypes
import TestSupport
import Testing

@Suite("Access") struct AccessTests {
    private let json = ("Content-Type", "application/json")

    private func status(
        _ api: API, _ method: String, _ target: String, _ headers: [(String, String)] = [],
        isStranger: Bool = false
    ) async throws -> Answer {
        var fields: HTTPHeaders = ["Content-Type": "application/json"]
        for (name, value) in headers { fields.set(name, value) }
        return try await api.ask(method, target, "{}", headers: fields, isStranger: isStranger)
    }

    @Test("The token guards everything but probes and images") func guardsWithAToken()
        async throws
    {
        let api = try await API.leading(tokenFile: "/state/api.token")
        let stranger = { (target: String, headers: [(String, String)]) in
            try await status(api, "GET", target, headers, isStranger: true)
        }
        for target in ["/api/v1/hosts", "/", "/v1/guestos"] {
            #expect(try await stranger(target, []).status == 401, "\(target)")
        }
        for wrong in ["Bearer wrong", "Bearer", "", API.token, "Basic \(API.token)"] {
            let answer = try await stranger("/api/v1/hosts", [("Authorization", wrong)])
            #expect(answer.status == 401, "\(wrong)")
            #expect(answer.headers["Aibuild-Token-File"] == "/state/api.token")
        }
        #expect(try await status(api, "GET", "/api/v1/hosts").status == 200)
        // A load balancer is not to hold the administrator's token.
        for target in ["/healthz", "/readyz", "/api/v1/leader"] {
            #expect(try await stranger(target, []).status == 200, "\(target)")
        }
        #expect(try await stranger("/images/nothing", []).status == 404)
    }

    @Test(
        "A request for another host name is refused, whoever sends it",
        arguments: [
            ("evil.example", 421), ("evil.example:9753", 421), ("localhost.evil.example", 421),
            ("127.0.0.1.evil.example", 421), ("farm.test.evil.example", 421), ("", 400),
            ("a, b", 400), ("farm.test evil", 400), ("user@farm.test", 400), ("[::1", 400),
            ("127.0.0.1:9753", 200), ("localhost:9753", 200), ("[::1]:9753", 200),
            ("10.1.2.3", 200), ("farm.test", 200), ("FARM.test.:80", 200),
            ("images.test", 200), ("other.test:8443", 200),
        ])
    func refusesOtherNames(host: String, expected: Int) async throws {
        let names = TrustedNames(
            url: "http://farm.test:9753", otherURLs: ["https://images.test/x"],
            hosts: ["other.test"])
        let api = try await API.leading(names: names)
        let answer = try await status(api, "GET", "/api/v1/hosts", [("Host", host)])
        #expect(answer.status == expected)
        #expect(answer.text.contains("api.allowed_hosts") == (expected == 421))
        #expect(try await status(api, "GET", "/healthz", [("Host", host)]).status == 200)
    }

    @Test(
        "A change that a page of another site sends is refused, whatever it carries",
        arguments: [
            (["Origin": "http://evil.example"], 403), (["Origin": "null"], 403),
            (["Origin": "http://127.0.0.1:8000"], 403),
            (["Origin": "http://farm.test.evil.example"], 403),
            (["Origin": "http://images.test"], 403),
            (["Sec-Fetch-Site": "cross-site"], 403), (["Sec-Fetch-Site": "same-site"], 403),
            (["Origin": "http://127.0.0.1:9753", "Sec-Fetch-Site": "same-site"], 403),
            (["Origin": "http://127.0.0.1:9753", "Sec-Fetch-Site": "same-origin"], 404),
            (["Origin": "https://farm.test"], 404), (["Origin": "https://other.test"], 404),
            ([:], 404),
        ] as [([String: String], Int)])
    func refusesOtherPages(fields: [String: String], expected: Int) async throws {
        let names = TrustedNames(
            url: "https://farm.test", otherURLs: ["http://images.test"], hosts: ["other.test"])
        let api = try await API.leading(names: names)
        let headers = fields.map { ($0.key, $0.value) }
        for (method, target) in [("POST", "/api/v1/hosts/x/drain"), ("DELETE", "/api/v1/hosts/x")] {
            let answer = try await status(api, method, target, headers)
            #expect(answer.status == expected, "\(method) \(fields)")
        }
        // A page may link to an image or be a bookmark: what only reads is guarded by the token.
        #expect(try await status(api, "GET", "/api/v1/hosts", headers).status == 200)
    }
}
