import CoordinatorAPI
import CoordinatorCore
import Testing

/// The routes of registered test cases.
@Suite("Test case routes") struct TestCaseTests {
    private let farm: LeaderAPI

    init() async throws { farm = try await LeaderAPI() }

    private func ask(
        _ method: String, _ target: String, _ body: String = ""
    ) async throws -> Answer {
        try await farm.api.ask(method, "/api/v1/testcases" + target, body)
    }

    @Test("A test case can be added, shown, changed and removed, each on the record")
    func roundTrip() async throws {
        let made = try await ask(
            "POST", "",
            ##"{"name":"a b","osType":"linux","definition":{"script":"#!/bin/sh\n"}}"##)
        #expect(made.status == 201)
        #expect(
            made.text == ##"{"definition":{"script":"#!/bin/sh\n"},"##
                + #""id":"id","name":"a b","osType":"linux"}"#)
        #expect(try await ask("GET", "/a%20b").text == made.text)
        #expect(try await ask("GET", "/id?os_type=linux").text == made.text)
        #expect(try await ask("GET", "?os_type=linux").text.contains(#""name":"a b""#))
        #expect(try await !ask("GET", "?os_type=windows").text.contains(#""name":"a b""#))
        let changed = try await ask(
            "PUT", "/a%20b", ##"{"definition":{"program":"#!/bin/sh\n","limitSeconds":9}}"##)
        #expect(changed.status == 200 && changed.text.contains(#""limitSeconds":9"#))
        #expect(
            await farm.store.testCases(.linux).first?.definition
                == TestDefinition(program: "#!/bin/sh\n", limitSeconds: 9))
        #expect(try await ask("PUT", "/a%20b", "{}").status == 200)
        #expect(await farm.store.testCases(.linux).first?.definition == nil, "known by name only")
        #expect(try await ask("DELETE", "/a%20b").status == 204)
        #expect(try await ask("DELETE", "/a%20b").status == 404)
        let audit = try await farm.store.audit(limit: 9)
        #expect(
            audit.map(\.action) == [
                "testcase.remove", "testcase.change", "testcase.change", "testcase.add",
            ])
    }

    @Test(
        "An invalid test case is refused with the field that is wrong",
        arguments: [
            (#"{"osType":"linux"}"#, "'name' is missing"),
            (#"{"name":"x"}"#, "'osType' is missing"),
            (#"{"name":"x","osType":"plan9"}"#, "osType"),
            (#"{"name":"x","osType":"linux","definition":{"times":"3"}}"#, "definition.times"),
            (
                #"{"name":"x","osType":"linux","definition":{"builtin":"dance"}}"#,
                "definition.builtin"
            ),
            (#"{"name":"x","osType":"linux","definition":{}}"#, "one of a builtin"),
            (
                ##"{"name":"x","osType":"linux","definition":{"script":"x","program":"#!/x"}}"##,
                "one of a builtin"
            ),
            (#"{"name":"a\nb","osType":"linux"}"#, "name of the test case"),
            (#"{"name":"","osType":"linux"}"#, "name of the test case"),
            (#"[]"#, "the body"),
            ("no json", "not well-formed JSON"),
        ])
    func refusesAnInvalidTestCase(body: String, words: String) async throws {
        let answer = try await ask("POST", "", body)
        #expect(answer.status == 400)
        #expect(answer.text.contains(words), "\(answer.text)")
        #expect(await farm.store.testCases(nil).isEmpty)
    }

    @Test("A name that both OS types have must be qualified") func asksForTheOSType() async throws {
        for type in ["linux", "windows"] {
            try await farm.leader.add(
                TestCase(
                    id: type + "-id", name: "boots", osType: try #require(OSType(rawValue: type))))
        }
        #expect(try await ask("POST", "", #"{"name":"boots","osType":"linux"}"#).status == 409)
        for (method, body) in [("GET", ""), ("PUT", "{}"), ("DELETE", "")] {
            let answer = try await ask(method, "/boots", body)
            #expect(answer.status == 409, "\(method)")
            #expect(answer.text.contains("linux-id, windows-id"), "\(answer.text)")
            #expect(try await ask(method, "/boots?os_type=plan9", body).status == 400)
        }
        #expect(try await ask("DELETE", "/boots?os_type=linux").status == 204)
        #expect(await farm.store.testCases(nil).map(\.osType) == [.windows])
    }
}
