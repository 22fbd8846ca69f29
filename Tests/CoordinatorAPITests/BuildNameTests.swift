import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Testing

/// How builds are named in paths, and how a body that is wrong is answered.
@Suite struct BuildNameTests {
    private let farm: LeaderAPI

    private static let plan = BuildPlan(
        template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1),
        recipe: BuildRecipe(builder: .packer(template: "t.json")),
        requirements: Requirements(), limits: AttemptLimits())

    init() async throws {
        farm = try await LeaderAPI()
        try await farm.leader.add(
            GuestOS(
                id: "g1", name: "debian12", type: .linux, distro: "", version: "", baseISO: "",
                template: .missing, owner: "o", createdMilliseconds: 0))
        for (number, id) in ["7f3a0001-x", "7f3b0002-x", "80000003-x"].enumerated() {
            _ = try await farm.leader.enqueue(
                NewBuild(
                    id: id, guestOSID: "g1", guestOS: "debian12", priority: 0, owner: "o",
                    plan: Self.plan, updateContents: "", submittedMilliseconds: Int64(number)))
        }
    }

    @Test(
        "A build is found by its ID, the beginning of it, its number and as the latest",
        arguments: [
            ("80000003-x", 3), ("8000", 3), ("7f3a", 1), ("7f3b0", 2), ("debian12:2", 2),
            ("debian12:latest", 3),
        ])
    func found(name: String, number: Int) async throws {
        let answer = try await farm.api.ask("GET", "/api/v1/builds/\(name)")
        #expect(answer.status == 200)
        #expect(answer.text.contains(#""number":\#(number),"#), "\(answer.text)")
    }

    @Test(
        "A name that fits no build, or several, is refused with how to name one",
        arguments: [
            ("7f3", "There is no build '7f3'"), ("7f3c", "There is no build"),
            ("debian12:4", "There is no build"), ("debian:latest", "There is no build"),
        ])
    func refused(name: String, words: String) async throws {
        let answer = try await farm.api.ask("GET", "/api/v1/builds/\(name)")
        #expect(answer.status == 404)
        #expect(answer.text.contains(words) && answer.text.contains("GUESTOS:latest"))
    }

    @Test("The beginning of several IDs names none of them") func ambiguous() async throws {
        _ = try await farm.leader.enqueue(
            NewBuild(
                id: "7f3a9999-x", guestOSID: "g1", guestOS: "debian12", priority: 0, owner: "o",
                plan: Self.plan, updateContents: "", submittedMilliseconds: 9))
        let answer = try await farm.api.ask("GET", "/api/v1/builds/7f3a")
        #expect(answer.status == 404)
        #expect(answer.text.contains("Several builds have an ID that begins with '7f3a'"))
    }

    @Test("A browser gets a page for what does not exist, a program gets JSON")
    func problemPages() async throws {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        for path in ["/nowhere", "/builds/none", "/images/none", "/api/v1/nothing"] {
            let page = try await farm.api.ask("GET", path, headers: ["Accept": browser])
            #expect(page.status == 404, "\(path)")
            #expect(page.headers["Content-Type"] == "text/html; charset=utf-8", "\(path)")
            #expect(page.text.contains("<h1>Not Found</h1><p>There is "), "\(page.text)")
            let data = try await farm.api.ask("GET", path, headers: ["Accept": "*/*"])
            #expect(data.headers["Content-Type"] == "application/problem+json", "\(path)")
        }
        let hostile = try await farm.api.ask(
            "GET", "/builds/%3Cscript%3E", headers: ["Accept": "text/html"])
        #expect(!hostile.text.contains("<script>"))
    }

    @Test("A list ends after its last row, and a cursor that is unknown is refused")
    func cursors() async throws {
        let end = try await farm.api.ask("GET", "/api/v1/builds?after=7f3a0001-x")
        #expect(end.status == 200 && end.text.contains(#""items":[]"#))
        for list in ["builds", "releases"] {
            let answer = try await farm.api.ask("GET", "/api/v1/\(list)?after=nonsense")
            #expect(answer.status == 400)
            #expect(answer.text.contains("There is no row 'nonsense' to continue after"))
        }
    }

    @Test(
        "What is wrong with a body is said in the words of the API",
        arguments: [
            (
                #"{"name":"a","type":"linus"}"#,
                "field 'type' is 'linus', which is not known: use linux, windows; did you mean "
                    + "'linux'?"
            ),
            (#"{"name":7,"type":"linux"}"#, "field 'name' must be a text"),
            (#"{"name":null,"type":"linux"}"#, "field 'name' is null and must be a text"),
            (#"{"type":"linux"}"#, "field 'name' is missing"),
            (#"{"name":"a","type":"linux","template":[]}"#, "field 'template' must be an object"),
            (#"{"name"#, "not well-formed JSON"),
        ])
    func bodies(body: String, words: String) async throws {
        let answer = try await farm.api.ask("POST", "/api/v1/guestos", body)
        #expect(answer.status == 400)
        #expect(answer.text.contains(words), "\(answer.text)")
        for word in ["String", "OSType", "Dictionary", "decode"] {
            #expect(!answer.text.contains(word), "\(answer.text)")
        }
    }
}
