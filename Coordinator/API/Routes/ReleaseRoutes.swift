import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum ReleaseRoutes {
    private struct Wish: Decodable {
        var build, guestOS: String?
        var environments: [String]
        var format: ReleaseFormat?
    }

    private struct RollBackWish: Decodable {
        var guestOS: String
        var environments: [String]
    }

    static func add(to router: inout Router, _ api: APIContext) {
        let releases = api.coordinator.releases
        router.on("POST", "/api/v1/releases") { request, _ in
            let wish = try request.decode(Wish.self)
            let build: Build
            switch (wish.build, wish.guestOS) {
            case (let name?, nil): build = try await api.build(name)
            case (nil, let name?): build = try await releases.latestGood(guestOS: name)
            default:
                throw Problem.badRequest(
                    "say what to release", remedy: "send either build or guestOS")
            }
            let made = try await releases.submit(
                build, to: wish.environments, format: wish.format, by: api.actor(request))
            return try .json(ListView(items: await views(made, releases)), status: 201)
        }
        router.on("POST", "/api/v1/releases/rollback") { request, _ in
            let wish = try request.decode(RollBackWish.self)
            let made = try await releases.rollBack(
                guestOS: wish.guestOS, in: wish.environments, by: api.actor(request))
            return try .json(ListView(items: await views(made, releases)), status: 201)
        }
        router.on("GET", "/api/v1/releases") { request, _ in
            let limit = try request.limit()
            let rows = try await api.ports.store.releases(
                try filter(request, api), limit: limit + 1)
            let items = await views(Array(rows.prefix(limit)), releases)
            return try .json(
                ListView(items: items, next: rows.count > limit ? items.last?.id : nil))
        }
        router.on("GET", "/api/v1/releases/{id}") { _, path in
            try .json(await view(try await releases.find(path["id"]), releases))
        }
        router.on("POST", "/api/v1/releases/{id}/approve") { request, path in
            let release = try await releases.approve(path["id"], by: api.actor(request))
            return try .json(await view(release, releases))
        }
        router.on("POST", "/api/v1/releases/{id}/cancel") { request, path in
            let release = try await releases.cancel(path["id"], by: api.actor(request))
            return try .json(await view(release, releases), status: 202)
        }
        router.on("POST", "/api/v1/releases/{id}/retry") { request, path in
            let release = try await releases.retry(path["id"], by: api.actor(request))
            return try .json(await view(release, releases), status: 201)
        }
    }

    private static func filter(_ request: HTTPRequest, _ api: APIContext) throws -> ReleaseFilter {
        var states: Set<ReleaseState> = []
        for word in request.query.all("state") {
            guard let state = ReleaseState(rawValue: word) else {
                throw Problem.badRequest(
                    "'\(word.prefix(20))' is no state of a release",
                    remedy: "use "
                        + ReleaseState.allCases.map(\.rawValue).joined(separator: ", "))
            }
            states.insert(state)
        }
        return ReleaseFilter(
            build: request.query["build"], guestOS: request.query["guestos"],
            environment: request.query["environment"], states: states.isEmpty ? nil : states,
            after: request.query["after"])
    }

    private static func views(_ list: [Release], _ releases: Releases) async -> [ReleaseView] {
        var views: [ReleaseView] = []
        for release in list { views.append(await view(release, releases)) }
        return views
    }

    private static func view(_ release: Release, _ releases: Releases) async -> ReleaseView {
        ReleaseView(release, await releases.progress(of: release.id))
    }
}
