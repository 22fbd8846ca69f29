import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum FailureRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "/api/v1/failures", query: ["guestos", "since", "limit"]
        ) { request, _ in
            let since = try request.query["since"].map { text in
                guard let moment = Time.milliseconds(text) else {
                    throw Problem.badRequest(
                        "Invalid time: since=\(text.prefix(40))",
                        remedy: "Use 2026-11-30, or 2026-11-30T09:00:00Z")
                }
                return moment
            }
            let guestOS = request.query["guestos"]
            let groups = try await FailureHistory(ports: api.ports).groups(
                guestOS: guestOS, since: since, limit: try request.limit())
            if groups.isEmpty { try await api.checkFilter(guestOS: guestOS) }
            let now = api.ports.clock.unixMilliseconds()
            return try .json(ListView(items: groups.map { FailureView($0, at: now) }))
        }
    }
}
