import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum EnvironmentRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/environments") { request, _ in
            let form = try request.decode(EnvironmentForm.self)
            let (environment, findings) = try await api.leader().environments.register(
                form, by: api.actor(request))
            return try .json(EnvironmentView(environment, findings), status: 201)
        }
        router.on("PUT", "/api/v1/environments/{name}") { request, path in
            let form = try request.decode(EnvironmentForm.self)
            try api.checkName(form.name, path["name"], "An environment")
            let (environment, findings) = try await api.leader().environments.change(
                form, by: api.actor(request))
            return try .json(EnvironmentView(environment, findings))
        }
        router.on("GET", "/api/v1/environments") { _, _ in
            var views: [EnvironmentView] = []
            for environment in try await api.ports.store.environments() {
                views.append(await view(environment, api))
            }
            return try .json(ListView(items: views))
        }
        router.on("GET", "/api/v1/environments/{name}") { _, path in
            try .json(await view(try await api.ports.environment(named: path["name"]), api))
        }
        router.on("POST", "/api/v1/environments/{name}/check") { _, path in
            let environment = try await api.ports.environment(named: path["name"])
            let findings = try await EnvironmentCheck(ports: api.ports).run(environment.name)
            return try .json(EnvironmentView(environment, findings))
        }
        router.on("DELETE", "/api/v1/environments/{name}", query: ["force"]) { request, path in
            let isForced = request.query["force"] == "true"
            let abandoned = try await api.leader().environments.remove(
                path["name"], isForced: isForced, by: api.actor(request))
            guard isForced else { return .empty }
            var views: [ReleaseView] = []
            for release in abandoned { views.append(await ReleaseRoutes.view(release, api)) }
            return try .json(RemovedEnvironmentView(name: path["name"], abandoned: views))
        }
        addNames(to: &router, api)
    }

    private static func view(
        _ environment: ReleaseEnvironment, _ api: APIContext
    ) async -> EnvironmentView {
        var view = EnvironmentView(environment)
        let secrets = LostSecrets(ports: api.ports)
        if await secrets.isLost(passwordOf: environment.name) { view.passwordLost = true }
        return view
    }

    private struct Gift: Decodable {
        var name, guestOS: String
    }

    private static func addNames(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "/api/v1/environments/{name}/names", query: ["after", "limit"]
        ) { request, path in
            let environment = try await api.ports.environment(named: path["name"])
            let limit = try request.limit()
            let rows = try await api.ports.store.releaseNames(
                in: environment.name, after: request.query["after"], limit: limit + 1)
            let items = rows.prefix(limit).map(ReleaseNameView.init)
            return try .json(
                ListView(items: items, next: rows.count > limit ? items.last?.name : nil))
        }
        router.on("PUT", "/api/v1/environments/{name}/names") { request, path in
            let gift = try request.decode(Gift.self)
            let name = try await api.leader().environments.give(
                gift.name, in: path["name"], to: gift.guestOS, by: api.actor(request))
            return try .json(ReleaseNameView(name))
        }
    }
}

/// An environment without its secret, which is never shown.
struct EnvironmentView: Encodable {
    var name, kind, createdAt: String
    var settings: EnvironmentSettings
    var policy: ReleasePolicy
    /// The secret of the coordinator that is its password.
    var secretName: String?
    /// The result of a check in this request.
    var findings: [EnvironmentFinding]?
    /// `true`, or missing.
    var passwordLost: Bool?

    init(_ environment: ReleaseEnvironment, _ findings: [EnvironmentFinding]? = nil) {
        name = environment.name
        kind = environment.kind.rawValue
        createdAt = Time.text(environment.createdMilliseconds)
        settings = environment.settings
        policy = environment.policy
        secretName = environment.secretName
        self.findings = findings
    }
}

/// What the removal of an environment by force let go of.
struct RemovedEnvironmentView: Encodable {
    var name: String
    /// Releases that had not ended, with what each may have left there.
    var abandoned: [ReleaseView]
}

/// Which guest OS owns an image name.
struct ReleaseNameView: Encodable {
    var name, guestOS: String

    init(_ name: ReleaseName) {
        self.name = name.name
        guestOS = name.guestOS
    }
}
