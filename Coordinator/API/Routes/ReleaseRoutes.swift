import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum ReleaseRoutes {
    private struct Submission: Decodable {
        var build, guestOS: String?
        var environments: [String]
        var format: ReleaseFormat?
        var timeoutSeconds: Int?
    }

    private struct RollBack: Decodable {
        var guestOS: String
        var environments: [String]
    }

    private struct Refused: Decodable {
        var reason: String?
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/releases") { request, _ in
            let body = try request.decode(Submission.self)
            let leader = try api.leader()
            let build: Build
            switch (body.build, body.guestOS) {
            case (let name?, nil): build = try await api.build(name)
            case (nil, let name?):
                build = try await leader.releaseRequests.latestGood(guestOS: name)
            default:
                throw Problem.badRequest(
                    "Neither or both of build and guestOS are given",
                    remedy: "Send either build or guestOS")
            }
            try await api.check(request, .release, guestOS: build.guestOS)
            let made = try await leader.releaseRequests.submit(
                build, to: body.environments, format: body.format,
                timeoutSeconds: body.timeoutSeconds, by: api.actor(request))
            return try .json(ListView(items: await views(made, api)), status: 201)
        }
        router.on("POST", "/api/v1/releases/rollback") { request, _ in
            let body = try request.decode(RollBack.self)
            try await api.check(request, .release, guestOS: body.guestOS)
            let made = try await api.leader().releaseRequests.rollBack(
                guestOS: body.guestOS, in: body.environments, by: api.actor(request))
            return try .json(ListView(items: await views(made, api)), status: 201)
        }
        router.on(
            "GET", "/api/v1/releases",
            query: ["guestos", "environment", "build", "state", "after", "limit"]
        ) { request, _ in
            let limit = try request.limit()
            let filter = try filter(request, api)
            let rows = try await api.ports.store.releases(filter, limit: limit + 1)
            if rows.isEmpty, let after = filter.after,
                try await api.ports.store.release(id: after) == nil
            {
                throw Problem.unknownCursor(after)
            }
            if rows.isEmpty {
                try await api.checkFilter(guestOS: filter.guestOS, filter.environment)
            }
            let items = await views(Array(rows.prefix(limit)), api)
            return try .json(
                ListView(items: items, next: rows.count > limit ? items.last?.id : nil))
        }
        router.on("GET", "/api/v1/releases/{id}") { _, path in
            try .json(await view(try await api.ports.release(path["id"]), api))
        }
        addVerbs(to: &router, api)
    }

    private static func addVerbs(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/releases/{id}/approve") { request, path in
            try await api.check(request, release: path["id"])
            let release = try await api.leader().releaseRequests.approve(
                path["id"], by: api.actor(request))
            return try .json(await view(release, api))
        }
        router.on("POST", "/api/v1/releases/{id}/refuse") { request, path in
            try await api.check(request, release: path["id"])
            let reason = request.body.isEmpty ? nil : try request.decode(Refused.self).reason
            let release = try await api.leader().releaseRequests.refuse(
                path["id"], reason: reason ?? "", by: api.actor(request))
            return try .json(await view(release, api))
        }
        router.on("POST", "/api/v1/releases/{id}/cancel") { request, path in
            try await api.check(request, release: path["id"])
            let release = try await api.leader().releaseCancellation.cancel(
                path["id"], by: api.actor(request))
            return try .json(await view(release, api), status: 202)
        }
        router.on("POST", "/api/v1/releases/{id}/abandon") { request, path in
            try await api.check(request, release: path["id"])
            let release = try await api.leader().releaseCancellation.abandon(
                path["id"], by: api.actor(request))
            return try .json(await view(release, api))
        }
        router.on("POST", "/api/v1/releases/{id}/retry") { request, path in
            try await api.check(request, release: path["id"])
            let release = try await api.leader().releaseRequests.retry(
                path["id"], by: api.actor(request))
            return try .json(await view(release, api), status: 201)
        }
    }

    private static func filter(_ request: HTTPRequest, _ api: APIContext) throws -> ReleaseFilter {
        var states: Set<ReleaseState> = []
        for word in request.query.all("state") {
            guard let state = ReleaseState(rawValue: word) else {
                throw Problem.badRequest(
                    "Unknown state of a release: '\(word.prefix(20))'",
                    remedy: "Use "
                        + ReleaseState.allCases.map(\.rawValue).joined(separator: ", "))
            }
            states.insert(state)
        }
        return ReleaseFilter(
            build: request.query["build"], guestOS: request.query["guestos"],
            environment: request.query["environment"], states: states.isEmpty ? nil : states,
            after: request.query["after"])
    }

    private static func views(_ list: [Release], _ api: APIContext) async -> [ReleaseView] {
        var views: [ReleaseView] = []
        for release in list { views.append(await view(release, api)) }
        return views
    }

    static func view(_ release: Release, _ api: APIContext) async -> ReleaseView {
        let isCleaningUp = release.phase == .cleaningUp
        return ReleaseView(
            release, await api.coordinator.leader?.releases.progress(of: release.id),
            left: isCleaningUp
                ? try? await api.ports.leftBehind(by: release) : release.leftBehind)
    }
}
