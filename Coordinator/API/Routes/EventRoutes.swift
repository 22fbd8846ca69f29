import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum EventRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/builds/{id}/events", query: ["from"]) { request, path in
            let build = try await api.build(path["id"])
            return .events(
                BuildEvents(build: build, from: try LogPosition.parse(last(request)), api: api))
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
