import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum GuestOSRoutes {
    private struct Renaming: Codable {
        var kind: RegisteredKind
        var from, to: String
    }

    private struct Removal: Encodable {
        var name: String
        var retired: Bool
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/guestos") { request, _ in
            var body = try request.decode(GuestOSForm.self)
            try await api.check(request, .catalog, guestOS: body.name, newOwner: body.owner)
            if body.owner == nil { body.owner = try api.ownTeam(request) }
            let registration = try await api.leader().guestOSes.register(
                body, by: api.actor(request))
            return try .json(GuestOSView(registration), status: 201)
        }
        router.on("PUT", "/api/v1/guestos/{name}") { request, path in
            let body = try request.decode(GuestOSForm.self)
            try api.checkName(body.name, path["name"], "A guest OS")
            try await api.check(request, .catalog, guestOS: body.name, newOwner: body.owner)
            try await api.checkOwner(request, of: body.name, becomes: body.owner)
            let registration = try await api.leader().guestOSes.change(body, by: api.actor(request))
            return try .json(GuestOSView(registration))
        }
        router.on("DELETE", "/api/v1/guestos/{name}") { request, path in
            try await api.check(request, .catalog, guestOS: path["name"])
            let isRetired = try await api.leader().guestOSes.remove(
                path["name"], by: api.actor(request))
            return try .json(Removal(name: path["name"], retired: isRetired))
        }
        router.on("POST", "/api/v1/guestos/{name}/gitlab") { request, path in
            try await api.check(request, .catalog, guestOS: path["name"])
            let registration = try await api.leader().guestOSes.prepareTemplate(
                ofGuestOS: path["name"], by: api.actor(request))
            return try .json(GuestOSView(registration))
        }
        GrantRoutes.add(to: &router, api)
        // The old name is in the body: some could not stand in a path.
        router.on("POST", "/api/v1/renames") { request, _ in
            let body = try request.decode(Renaming.self)
            try await api.leader().guestOSes.rename(
                body.kind, body.from, to: body.to, by: api.actor(request))
            return try .json(body)
        }
        router.on("GET", "/api/v1/guestos", query: ["after", "limit"]) { request, _ in
            let limit = try request.limit()
            let rows = try await api.ports.store.guestOSes(
                after: request.query["after"], limit: limit + 1)
            return try .json(
                ListView(
                    items: rows.prefix(limit).map { GuestOSView($0) },
                    next: rows.count > limit ? rows[limit - 1].name : nil))
        }
        router.on("GET", "/api/v1/guestos/{name}") { _, path in
            let guestOS = try await api.ports.guestOS(named: path["name"])
            var view = GuestOSView(guestOS)
            view.triggers = try await api.triggers(of: guestOS).map { TriggerView($0) }
            return try .json(view)
        }
    }
}
