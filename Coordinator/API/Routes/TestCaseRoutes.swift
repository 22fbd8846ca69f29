import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The test cases that apply to every guest OS of a type.
enum TestCaseRoutes {
    private struct Change: Decodable { var definition: TestDefinition? }

    private static let type: RouteQuery = ["os_type"]

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/testcases") { request, _ in
            let body = try request.decode(TestCaseForm.self)
            try await api.check(request, .catalog, everyGuestOSOf: body.osType)
            let testCase = try await api.leader().testCases.add(body, by: api.actor(request))
            return try .json(TestCaseView(testCase), status: 201)
        }
        router.on("GET", "/api/v1/testcases", query: type) { request, _ in
            let rows = try await api.ports.store.testCases(try osType(request))
            return try .json(ListView(items: rows.map(TestCaseView.init)))
        }
        router.on("GET", "/api/v1/testcases/{name}", query: type) { request, path in
            let testCase = try await api.ports.testCase(
                path["name"], osType: try osType(request))
            return try .json(TestCaseView(testCase))
        }
        router.on("PUT", "/api/v1/testcases/{name}", query: type) { request, path in
            let body = try request.decode(Change.self)
            try await check(request, path["name"], api)
            let testCase = try await api.leader().testCases.change(
                path["name"], osType: try osType(request), to: body.definition,
                by: api.actor(request))
            return try .json(TestCaseView(testCase))
        }
        router.on("DELETE", "/api/v1/testcases/{name}", query: type) { request, path in
            try await check(request, path["name"], api)
            try await api.leader().testCases.remove(
                path["name"], osType: try osType(request), by: api.actor(request))
            return .empty
        }
    }

    /// A registered case is run for guest OSes of all teams.
    private static func check(
        _ request: HTTPRequest, _ name: String, _ api: APIContext
    ) async throws {
        let known = try await api.ports.testCase(name, osType: try osType(request))
        try await api.check(request, .catalog, everyGuestOSOf: known.osType)
    }

    private static func osType(_ request: HTTPRequest) throws -> OSType? {
        guard let word = request.query["os_type"] else { return nil }
        guard let type = OSType(rawValue: word) else {
            throw Problem.badRequest(
                "Unknown OS type: '\(word.prefix(40))'",
                remedy: "Use " + OSType.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return type
    }
}
