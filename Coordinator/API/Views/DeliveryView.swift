import CoordinatorCore
import CoordinatorService

struct HookView: Encodable {
    /// The connection to the queue of requests.
    struct Connection: Encodable {
        /// The server; `nil` if there is no connection.
        var server: String?
        var lastMessageAt, problem: String?
    }

    /// How the list of profiles is looked at.
    struct Looks: Encodable {
        /// When the last look got to its end.
        var lookedAt: String?
        /// That the list has.
        var profiles: Int?
        var problem: String?
    }

    var name, type, path: String
    /// The Git server's address.
    var url: String?
    var lastDelivery: DeliveryView?
    /// Of the queue of requests, on the coordinator that leads.
    var connection: Connection?
    /// Of a list of profiles, on the coordinator that leads.
    var looks: Looks?

    init(_ source: HookSource, _ last: Delivery?) {
        name = source.name
        type = source.kind.rawValue
        path = HookRoutes.prefix + source.name
        url = source.server?.url
        lastDelivery = last.map { DeliveryView($0) }
    }

    /// - Parameter status: `nil` on a standby.
    init(_ queue: any RequestQueue, _ status: BuildRequests.Status?, _ last: Delivery?) {
        name = BuildRequests.hook
        type = BuildRequests.hook
        path = queue.queue
        url = queue.servers
        lastDelivery = last.map { DeliveryView($0) }
        connection = status.map {
            Connection(
                server: $0.server, lastMessageAt: $0.lastMessageMilliseconds.map(Time.text),
                problem: $0.problem)
        }
    }

    /// - Parameter status: `nil` on a standby.
    init(_ profiles: any ProfileSource, _ status: Profiles.Status?, _ last: Delivery?) {
        name = Profiles.hook
        type = Profiles.hook
        path = "-"
        url = profiles.url
        lastDelivery = last.map { DeliveryView($0) }
        looks = status.map {
            Looks(
                lookedAt: $0.lookedMilliseconds.map(Time.text), profiles: $0.count,
                problem: $0.problem)
        }
    }

    /// All hooks, the queue of requests and the list of profiles among them.
    static func all(_ api: APIContext) async throws -> [HookView] {
        func last(_ hook: String) async throws -> Delivery? {
            try await api.ports.store.deliveries(DeliveryFilter(hook: hook), limit: 1).first
        }
        var views: [HookView] = []
        for source in api.ports.hooks {
            views.append(HookView(source, try await last(source.name)))
        }
        if let queue = api.ports.requestQueue {
            views.append(
                HookView(
                    queue, await api.coordinator.leader?.requests.status,
                    try await last(BuildRequests.hook)))
        }
        if let profiles = api.ports.profiles {
            views.append(
                HookView(
                    profiles, await api.coordinator.leader?.profiles.status,
                    try await last(Profiles.hook)))
        }
        return views
    }
}

struct DeliveryView: Encodable {
    struct Change: Encodable {
        struct MergeRequest: Encodable {
            var number: Int
            var title: String
            var foreign: Bool
        }

        var change, project, ref, commit: String
        var mergeRequest: MergeRequest?

        init(_ report: GitReport) {
            change = report.change.rawValue
            project = report.project
            ref = report.ref
            commit = report.commit
            mergeRequest = report.mergeRequest.map {
                MergeRequest(number: $0.number, title: $0.title, foreign: $0.isForeign)
            }
        }
    }

    var id: Int
    var hook, event, key, receivedAt, state, outcome: String
    var changes: [Change]
    var builds: [String]
    var tries: Int
    var nextTryAt, approvedBy: String?
    var repeats: Int?
    var payloadBytes: Int64
    /// Its beginning, if one delivery is asked for.
    var payload: String?

    init(_ delivery: Delivery, payload: String? = nil) {
        id = delivery.id
        hook = delivery.hook
        event = delivery.event
        key = delivery.key
        receivedAt = Time.text(delivery.receivedMilliseconds)
        state = delivery.state.rawValue
        outcome = delivery.outcome
        changes = delivery.reports.map(Change.init)
        builds = delivery.builds
        tries = delivery.tries
        nextTryAt =
            delivery.state == .queued && delivery.tries > 0
            ? Time.text(delivery.notBeforeMilliseconds) : nil
        approvedBy = delivery.approvedBy
        repeats = delivery.repeats
        payloadBytes = delivery.payloadBytes
        self.payload = payload
    }

    /// `push of c0ffee to main in team/images`
    var title: String {
        guard let change = changes.first else { return event }
        let more = changes.count > 1 ? " and \(changes.count - 1) more" : ""
        let what =
            switch change.change {
            case "push": "push of \(change.commit.prefix(12)) to \(change.ref)"
            case "tag": "tag \(change.ref)"
            default: "merge request \(change.mergeRequest?.number ?? 0) to \(change.ref)"
            }
        return what + more + " in \(change.project)"
    }
}
