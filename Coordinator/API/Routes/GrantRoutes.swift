import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What others than its owner may do with a guest OS.
enum GrantRoutes {
    private struct Grant: Decodable {
        var team, user: String?
        var right: Role
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("PUT", "/api/v1/guestos/{name}/grants") { request, path in
            let body = try request.decode(Grant.self)
            let grantee = try grantee(body.team, body.user)
            try await check(request, path["name"], giving: body.right, api)
            let guestOS = try await api.leader().guestOSes.grant(
                body.right, to: grantee, on: path["name"], by: api.actor(request))
            return try .json(GuestOSView(guestOS))
        }
        router.on("DELETE", "/api/v1/guestos/{name}/grants", query: ["team", "user"]) {
            request, path in
            let grantee = try grantee(request.query["team"], request.query["user"])
            try await check(request, path["name"], giving: nil, api)
            let guestOS = try await api.leader().guestOSes.revoke(
                from: grantee, on: path["name"], by: api.actor(request))
            return try .json(GuestOSView(guestOS))
        }
    }

    private static func grantee(
        _ team: String?, _ user: String?
    ) throws -> GuestOSGrant.Grantee {
        switch (team, user) {
        case (let team?, nil): return .team(team)
        case (nil, let user?): return .user(user)
        default:
            throw Problem.badRequest(
                "Neither or both of team and user are given", remedy: "Send either team or user")
        }
    }

    /// Grants are the owner's: whoever has one passes nothing on, and nobody gives a right that
    /// they do not have.
    private static func check(
        _ request: HTTPRequest, _ name: String, giving role: Role?, _ api: APIContext
    ) async throws {
        let caller = try api.caller(request)
        let owner = try await api.ports.store.guestOS(named: name)?.owner
        if let obstacle = caller.obstacle(.catalog, guestOS: name, owner: owner) {
            throw AccessControl.forbidden(obstacle)
        }
        if let role, let missing = role.rights.subtracting(caller.rights).map(\.rawValue).min() {
            throw AccessControl.forbidden(
                "\(caller.name) has no right to \(missing), and cannot grant it")
        }
    }
}
