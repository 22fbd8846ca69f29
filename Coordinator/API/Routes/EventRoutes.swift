import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum EventRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/builds/{id}/events", query: ["from", "log"]) { request, path in
            let build = try await api.build(path["id"])
            switch request.query["log"] {
            case "count":
                return .events(BuildEvents(build: build, log: .count, api: api))
            case nil, "records":
                let position = try LogPosition.parse(last(request))
                return .events(BuildEvents(build: build, log: .records(position), api: api))
            case let word?:
                throw Problem.badRequest(
                    "Invalid value of log: \(Names.quoted(word))", remedy: "Use records or count")
            }
        }
        router.on("GET", "/api/v1/releases/{id}/events", query: ["from"]) { request, path in
            let releases = try api.leader().releases
            return .events(
                ReleaseEvents(
                    release: try await api.ports.release(path["id"]), after: last(request),
                    of: releases, api: api))
        }
        router.on("GET", "/api/v1/events") { _, _ in .events(FarmEvents(api: api)) }
    }

    /// The id of the last event that the follower saw.
    private static func last(_ request: HTTPRequest) -> String? {
        request.query["from"] ?? request.headers["Last-Event-ID"]
    }
}
