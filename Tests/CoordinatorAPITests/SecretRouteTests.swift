import CoordinatorCore
import HTTPTypes
import Testing

/// Secrets over the API: they go in, and never come out.
@Suite struct SecretRouteTests {
    private let farm: LeaderAPI
    private static let value = "hunter22-and-more"

    init() async throws { farm = try await LeaderAPI() }

    private func put(_ name: String, _ body: String) async throws -> Answer {
        try await farm.api.ask("PUT", "/api/v1/secrets/\(name)", body)
    }

    @Test("A secret is added, changed, listed and removed, and no answer has its value")
    func life() async throws {
        var answers: [Answer] = []
        let new = #"{"value":"\#(Self.value)","guestOSes":["cloud-*"],"isNew":true}"#
        answers.append(try await put("cloud", new))
        #expect(answers[0].status == 201)
        #expect(
            answers[0].text.contains(#""guestOSes":["cloud-*"],"name":"cloud","source":"store""#))
        answers.append(try await put("cloud", new))
        #expect(answers[1].status == 409)
        answers.append(try await put("other", #"{"value":"\#(Self.value)","isNew":false}"#))
        #expect(answers[2].status == 404)
        answers.append(try await put("cloud", #"{"guestOSes":["*"]}"#))
        #expect(answers[3].status == 200)
        #expect(await farm.store.value(ofSecret: "cloud")?.reveal == Self.value, "it is kept")
        answers.append(try await put("cloud", #"{"value":"\#(Self.value)2","isNew":false}"#))
        answers.append(try await farm.api.ask("GET", "/api/v1/secrets"))
        #expect(answers[5].text.contains(#""guestOSes":["*"],"name":"cloud""#))
        answers.append(try await farm.api.ask("GET", "/api/v1/secrets/cloud"))
        #expect(answers[6].status == 405)
        answers.append(try await farm.api.ask("POST", "/api/v1/secrets/rotate-key"))
        #expect(answers[7].text.contains(#""resealed":0"#))
        answers.append(try await farm.api.ask("DELETE", "/api/v1/secrets/cloud"))
        #expect(answers[8].status == 204)
        answers.append(try await farm.api.ask("DELETE", "/api/v1/secrets/cloud"))
        #expect(answers[9].status == 404)
        for answer in answers { #expect(!answer.text.contains("hunter22"), "\(answer.text)") }

        let audit = try await farm.store.audit(limit: 20)
        #expect(
            audit.reversed().map { "\($0.action) \($0.subject) \($0.detail)" } == [
                "secret.add cloud guest OSes: cloud-*, value set",
                "secret.change cloud guest OSes: +* -cloud-*",
                "secret.change cloud value changed", "secret.rotate-key secrets 0 sealed again",
                "secret.remove cloud guest OSes: *",
            ])
    }

    @Test("What cannot be a secret is refused at the door, in words that do not repeat it")
    func refusals() async throws {
        for (body, why) in [
            (#"{"value":"hun22","guestOSes":["*"]}"#, "has 5 bytes"),
            (#"{"value":"hunter22\u0000","guestOSes":["*"]}"#, "NUL byte"),
            (#"{"value":"hunter22"}"#, "guestOSes is missing"),
            (#"{"value":"hunter22","guestOSes":["a/b"]}"#, "a/b"),
            (#"{"guestOSes":["*"]}"#, "value is missing"),
            (#"{"value":["hunter22"],"guestOSes":["*"]}"#, "value"),
            (
                #"{"value":"\#(String(repeating: "hunter22", count: 9000))","guestOSes":["*"]}"#,
                "at most 65536"
            ),
        ] {
            let answer = try await put("cloud", body)
            #expect(answer.status == 400 && answer.text.contains(why), "\(answer.text)")
            #expect(!answer.text.contains("hun"), "\(answer.text)")
        }
        #expect(try await put("a%20b", #"{"value":"hunter22","guestOSes":["*"]}"#).status == 400)
        #expect(await farm.store.secrets().isEmpty)
    }
}
