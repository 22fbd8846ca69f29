import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// Users, tokens and what the caller may do.
enum AccountRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/whoami") { request, _ in
            try .json(CallerView(try api.caller(request)))
        }
        router.on("POST", "/api/v1/account/password") { request, _ in
            let form = try request.decode(PasswordForm.self)
            try await api.leader().signIns.changePassword(
                of: api.caller(request).name, from: form.old, to: form.new,
                address: request.remoteAddress)
            return .empty
        }
        router.on("GET", "/api/v1/tokens", query: ["user"]) { request, _ in
            try .json(ListView(items: try tokens(request, api).map { APITokenView($0) }))
        }
        router.on("POST", "/api/v1/tokens") { request, _ in
            let form = try request.decode(TokenForm.self)
            let (secret, token) = try await api.leader().tokens.add(
                form, .program, for: api.caller(request))
            return try .json(NewTokenView(token: secret, APITokenView(token)), status: 201)
        }
        router.on("DELETE", "/api/v1/tokens/{id}") { request, path in
            let caller = try api.caller(request)
            try await api.leader().tokens.remove(
                id: path["id"], isAny: caller.rights.contains(.administer), by: caller.name)
            return .empty
        }
        router.on("GET", "/api/v1/users") { _, _ in
            try .json(ListView(items: api.ports.directory.records.principals.map(UserView.init)))
        }
        router.on("GET", "/api/v1/users/{name}") { _, path in
            guard let user = api.ports.directory.principal(path["name"]) else {
                throw StoreError.notFound(what: .user, name: path["name"])
            }
            return try .json(UserView(user))
        }
        router.on("PUT", "/api/v1/users/{name}") { request, path in
            let form = try request.decode(UserRequest.self)
            let users = try api.leader().users
            if form.isNew {
                let user = try await users.addUser(path["name"], form.form, by: api.actor(request))
                return try .json(UserView(user), status: 201)
            }
            return try .json(
                UserView(
                    await users.changeUser(path["name"], form.form, by: api.actor(request))))
        }
        router.on("DELETE", "/api/v1/users/{name}") { request, path in
            try await api.leader().users.removeUser(path["name"], by: api.actor(request))
            return .empty
        }
    }

    /// The caller's own; an administrator's list has everybody's.
    private static func tokens(_ request: HTTPRequest, _ api: APIContext) throws -> [APIToken] {
        let caller = try api.caller(request)
        let directory = api.ports.directory
        guard caller.rights.contains(.administer) else {
            if let user = request.query["user"], user != caller.name {
                throw AccessControl.forbidden("Others' tokens are listed by administrators")
            }
            return directory.tokens(of: caller.name)
        }
        return request.query["user"].map(directory.tokens) ?? directory.records.tokens
    }

    private struct PasswordForm: Decodable {
        var old, new: String
    }

    private struct UserRequest: Decodable {
        var isNew: Bool
        var form: UserForm

        private enum Key: String, CodingKey { case isNew }

        init(from decoder: any Decoder) throws {
            isNew =
                try decoder.container(keyedBy: Key.self)
                .decodeIfPresent(Bool.self, forKey: .isNew) ?? false
            form = try UserForm(from: decoder)
        }
    }
}
