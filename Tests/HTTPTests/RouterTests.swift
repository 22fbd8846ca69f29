import FoundationEssentials
import HTTPTypes
import Testing

@Suite("Router") struct RouterTests {
    private struct Odd: Error {}

    private func router() -> Router {
        var router = Router { error, _ in .internalError("odd: \(error)") }
        func on(_ method: String, _ pattern: String) {
            router.on(method, pattern) { request, parameters in
                let values = ["id", "path", "name"].map { parameters[$0] }.joined(separator: "|")
                return .text("\(method) \(pattern) \(values)")
            }
        }
        on("GET", "/api/v1/builds")
        on("POST", "/api/v1/builds")
        on("GET", "/api/v1/builds/{id}")
        on("GET", "/api/v1/builds/search")
        on("GET", "/api/v1/builds/{id}/log")
        on("DELETE", "/api/v1/hosts/{name}")
        on("GET", "/images/{path...}")
        on("GET", "/files/{path...}")
        on("GET", "/files")
        router.on("GET", "/throw") { _, _ in throw Odd() }
        router.on("GET", "/problem") { _, _ in throw Problem.conflict("busy") }
        return router
    }

    private func ask(_ method: String, _ target: String) async throws -> (HTTPResponse, String) {
        let response = await router().respond(to: try HTTPRequest(method: method, target: target))
        guard case .bytes(let bytes) = response.body else { return (response, "") }
        return (response, String(decoding: bytes, as: UTF8.self))
    }

    @Test(
        "A request reaches the most specific route",
        arguments: [
            ("GET", "/api/v1/builds", "GET /api/v1/builds ||"),
            ("HEAD", "/api/v1/builds", "GET /api/v1/builds ||"),
            ("POST", "/api/v1/builds/", "POST /api/v1/builds ||"),
            ("GET", "/api/v1/builds/a:7", "GET /api/v1/builds/{id} a:7||"),
            ("GET", "/api/v1/builds/search", "GET /api/v1/builds/search ||"),
            ("GET", "/api/v1/builds/search/log", "GET /api/v1/builds/{id}/log search||"),
            ("GET", "/images/", "GET /images/{path...} ||"),
            ("GET", "/files", "GET /files ||"),
            ("GET", "/files/a", "GET /files/{path...} |a|"),
            ("GET", "/images/a/b%20c", "GET /images/{path...} |a/b c|"),
        ])
    func finds(method: String, target: String, answer: String) async throws {
        let (response, body) = try await ask(method, target)
        #expect(response.status == 200)
        #expect(body == answer)
    }

    @Test("A wrong method is answered with the allowed ones")
    func saysWhichMethodsThereAre() async throws {
        let (response, body) = try await ask("PATCH", "/api/v1/builds")
        #expect(response.status == 405)
        #expect(response.headers["Allow"] == "GET, HEAD, POST")
        #expect(body.contains("Use GET, HEAD, POST"))
        #expect(try await ask("HEAD", "/api/v1/hosts/a").0.headers["Allow"] == "DELETE")
    }

    @Test("An unknown path is answered with similar routes")
    func namesSimilarRoutes() async throws {
        let (response, body) = try await ask("GET", "/api/v1/build/7/log")
        #expect(response.status == 404)
        #expect(response.headers["Content-Type"] == "application/problem+json")
        let problem = try JSONDecoder().decode(Problem.self, from: Data(body.utf8))
        #expect(problem.detail == "There is nothing at /api/v1/build/7/log")
        #expect(problem.remedy?.contains("/api/v1/builds/{id}") == true)
        #expect(problem.remedy?.contains("hosts") == false)
        #expect(try await !ask("GET", "/zzz").1.contains("Similar"))
    }

    @Test("A thrown error becomes a problem")
    func turnsErrorsIntoProblems() async throws {
        let (unforeseen, text) = try await ask("GET", "/throw")
        #expect(unforeseen.status == 500)
        #expect(text.contains("odd: Odd()"))
        #expect(try await ask("GET", "/problem").0.status == 409)
    }

    @Test("The table lists every route")
    func listsItsRoutes() {
        #expect(router().table.count == 11)
        #expect(router().table[0] == ("GET", "/api/v1/builds", .any))
    }
}
