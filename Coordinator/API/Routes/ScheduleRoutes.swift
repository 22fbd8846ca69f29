import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What is built by schedules, parents, base images and age.
enum ScheduleRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/schedules", query: ["after", "limit"]) { request, _ in
            let limit = try request.limit()
            let reports = try await api.leader().schedules.upcoming(
                after: request.query["after"], limit: limit + 1)
            return try .json(
                ListView(
                    items: reports.prefix(limit).map { TriggerView($0) },
                    next: reports.count > limit ? reports[limit - 1].guestOS : nil))
        }
    }
}

extension APIContext {
    /// `nil` if nothing builds it but pushes and people.
    func triggers(of guestOS: GuestOS) async throws -> TriggerReport? {
        if guestOS.isRetired { return nil }
        if let leader = coordinator.leader {
            return await leader.schedules.report(ofGuestOS: guestOS.id)
        }
        return try await ports.store.triggerState(ofGuestOS: guestOS.id).flatMap {
            TriggerReport(guestOS, $0)
        }
    }
}
