import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum EventRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/builds/{id}/events") { request, path in
            let build = try await api.build(path["id"])
            let from = try LogPosition.parse(
                request.query["from"] ?? request.headers["Last-Event-ID"])
            return .events(BuildEvents(build: build, from: from, api: api))
        }
        router.on("GET", "/api/v1/events") { _, _ in .events(FarmEvents(api: api)) }
    }
}

/// Where a follower stands: `<attempt>:<byte offset>`, the id of the last event it saw.
struct LogPosition: Sendable, Hashable {
    var attempt: AttemptToken
    var cursor: Int64

    var text: String { "\(attempt):\(cursor)" }

    static func parse(_ text: String?) throws -> LogPosition? {
        guard let text, !text.isEmpty else { return nil }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let attempt = AttemptToken(String(parts[0])),
            let cursor = Int64(parts[1]), cursor >= 0
        else {
            throw Problem.badRequest(
                "'\(text.prefix(80))' is no position in a log",
                remedy: "send the id of the last event, or none to begin at the start")
        }
        return LogPosition(attempt: attempt, cursor: cursor)
    }
}
