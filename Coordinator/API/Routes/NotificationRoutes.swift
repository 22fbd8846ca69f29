import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// Places of coordinator.yml that are told what happened. No answer has their addresses.
enum NotificationRoutes {
    static let path = "/api/v1/notifications"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", path) { _, _ in
            let reports = try await api.leader().notifications.reports()
            return try .json(ListView(items: reports.map(NotificationPlaceView.init)))
        }
        router.on("POST", path + "/{place}/test") { request, path in
            let name = path["place"]
            guard let rule = api.ports.notificationRules.first(where: { $0.name == name }) else {
                throw Problem.notFound(
                    "coordinator.yml has no place \(Names.quoted(name)) under notifications",
                    remedy: "List them: aibuild notifications")
            }
            do {
                try await api.leader().notifications.test(rule, by: api.actor(request))
            } catch let fault as NotificationFault {
                throw Problem(
                    status: 502, detail: "Cannot send to \(name): \(fault)",
                    remedy:
                        "Fix the place; after a change of its entry in coordinator.yml, or of a "
                        + "file that is named there, restart the coordinator")
            }
            return try .json(["place": name])
        }
    }
}

/// A place and what it is told. Times are RFC 3339.
struct NotificationPlaceView: Encodable {
    var name, type: String
    var on, guestOSes, environments: [String]
    var waiting: Int
    var lastSentAt, problem, problemAt, nextTryAt: String?

    init(_ report: NotificationPlaceReport) {
        let rule = report.rule
        name = rule.name
        type = rule.type
        on = Notification.Kind.allCases.filter(rule.kinds.contains).map(\.rawValue)
        guestOSes = rule.guestOSes
        environments = rule.environments
        waiting = report.waiting
        lastSentAt = report.sentMilliseconds.map(Time.text)
        problem = report.problem?.text
        problemAt = report.problem.map { Time.text($0.atMilliseconds) }
        nextTryAt = report.nextTryMilliseconds.map(Time.text)
    }
}
