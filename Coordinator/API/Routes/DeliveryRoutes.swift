import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What hooks delivered, and what came of it.
enum DeliveryRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "/api/v1/deliveries", query: ["hook", "state", "after", "limit"]
        ) { request, _ in
            let limit = try request.limit()
            let filter = DeliveryFilter(
                hook: request.query["hook"], states: try states(request),
                after: try request.query["after"].map(id))
            let rows = try await api.ports.store.deliveries(filter, limit: limit + 1)
            return try .json(
                ListView(
                    items: rows.prefix(limit).map { DeliveryView($0) },
                    next: rows.count > limit ? "\(rows[limit - 1].id)" : nil))
        }
        router.on("GET", "/api/v1/deliveries/{id}") { _, path in
            let delivery = try await delivery(path["id"], api)
            return try .json(
                DeliveryView(
                    delivery,
                    payload: try await api.ports.store.payload(ofDelivery: delivery.id)))
        }
        router.on("POST", "/api/v1/deliveries/{id}/replay") { request, path in
            let stored = try await api.leader().deliveryRequests.replay(
                try await changeable(path["id"], request, api), by: api.actor(request))
            return try .json(DeliveryView(stored), status: 201)
        }
        router.on("POST", "/api/v1/deliveries/{id}/approve") { request, path in
            let approved = try await api.leader().deliveryRequests.approve(
                try await changeable(path["id"], request, api), by: api.actor(request))
            return try .json(DeliveryView(approved))
        }
    }

    private static func id(_ text: String) throws -> Int {
        guard let id = Int(text), CountBound.range.contains(id) else {
            throw Problem.badRequest(
                "\(Names.quoted(text)) is no number of a delivery",
                remedy: "List deliveries: aibuild deliveries")
        }
        return id
    }

    private static func states(_ request: HTTPRequest) throws -> Set<Delivery.State>? {
        guard let word = request.query["state"] else { return nil }
        guard let state = Delivery.State(rawValue: word) else {
            throw Problem.badRequest(
                "Unknown state: '\(word.prefix(40))'",
                remedy: "Use " + Delivery.State.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return [state]
    }

    /// The delivery, if the caller may build what it concerns.
    private static func changeable(
        _ text: String, _ request: HTTPRequest, _ api: APIContext
    ) async throws -> Delivery {
        let found = try await delivery(text, api)
        for guestOS in try await api.leader().deliveryRequests.guestOSes(of: found) {
            try await api.check(request, .build, guestOS: guestOS)
        }
        return found
    }

    private static func delivery(_ text: String, _ api: APIContext) async throws -> Delivery {
        guard let found = try await api.ports.store.delivery(id: try id(text)) else {
            throw Problem.notFound(
                "There is no delivery \(Names.quoted(text))",
                remedy: "Old ones are removed. List deliveries: aibuild deliveries")
        }
        return found
    }
}
