import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support

enum BuildRoutes {
    struct Submission: Decodable {
        var guestOS: String
        var priority: Int?
        var owner, reason, ref: String?
        var variables: [String: String]?
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", "/api/v1/builds") { request, _ in
            let body = try request.decode(Submission.self)
            try await api.check(request, .build, guestOS: body.guestOS, newOwner: body.owner)
            let build = try await api.leader().submission.submit(
                guestOS: body.guestOS,
                PlanChange(variables: body.variables ?? [:], ref: body.ref),
                priority: body.priority ?? 0, owner: body.owner, reason: body.reason ?? "",
                by: api.actor(request))
            return try .json(BuildView(build), status: 201)
        }
        router.on(
            "GET", "/api/v1/builds", query: ["guestos", "state", "after", "limit"]
        ) { request, _ in try await list(request, api) }
        router.on("GET", "/api/v1/builds/{id}") { _, path in
            try .json(try await detail(try await api.build(path["id"]), api))
        }
        router.on("POST", "/api/v1/builds/{id}/cancel") { request, path in
            let build = try await api.leader().cancellation.cancel(
                try await api.build(path["id"], for: request, .build), by: api.actor(request))
            return try .json(await api.view(build), status: 202)
        }
        router.on("POST", "/api/v1/builds/{id}/retry") { request, path in
            let build = try await api.leader().submission.retry(
                try await api.build(path["id"], for: request, .build), by: api.actor(request))
            return try .json(BuildView(build), status: 201)
        }
        router.on("GET", "/api/v1/builds/{id}/changes") { _, path in
            let differences = try await api.leader().submission.changes(
                since: try await api.build(path["id"]))
            return try .json(ListView(items: differences))
        }
        for (word, isPinned) in [("pin", true), ("unpin", false)] {
            router.on("POST", "/api/v1/builds/{id}/\(word)") { request, path in
                let build = try await api.leader().retention.setPinned(
                    isPinned, try await api.build(path["id"], for: request, .build),
                    by: api.actor(request))
                return try .json(await api.view(build))
            }
        }
        router.on(
            "GET", "/api/v1/builds/{id}/log", query: ["attempt", "from", "to"]
        ) { request, path in
            try await log(try await api.build(path["id"]), request, api)
        }
        router.on("GET", "/api/v1/queue", query: ["limit"]) { request, _ in
            let items = try await api.leader().tracker.queue(limit: try request.limit())
            return try .json(
                ListView(items: items.map { QueueItemView(build: BuildView($0), waiting: $1) }))
        }
    }

    private static func list(_ request: HTTPRequest, _ api: APIContext) async throws -> HTTPResponse
    {
        let limit = try request.limit()
        var filter = BuildFilter(guestOS: request.query["guestos"], after: request.query["after"])
        let words = request.query.all("state")
        if !words.isEmpty {
            filter.states = try Set(
                words.map { word in
                    guard let state = BuildState(rawValue: word) else {
                        let known = BuildState.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Problem.badRequest(
                            "Unknown state of a build: '\(word.prefix(40))'",
                            remedy: "Use \(known)")
                    }
                    return state
                })
        }
        let rows = try await api.ports.store.builds(filter, limit: limit + 1)
        if rows.isEmpty, let after = filter.after, try await api.ports.store.build(id: after) == nil
        {
            throw Problem.unknownCursor(after)
        }
        if rows.isEmpty { try await api.checkFilter(guestOS: filter.guestOS) }
        var items: [BuildView] = []
        for build in rows.prefix(limit) { items.append(await api.view(build)) }
        return try .json(
            ListView(items: items, next: rows.count > limit ? rows[limit - 1].id : nil))
    }

    static func detail(_ build: Build, _ api: APIContext) async throws -> BuildDetailView {
        var attempts: [AttemptView] = []
        for attempt in try await api.ports.store.attempts(ofBuild: build.id) {
            // A damaged file must not hide the build.
            let evidence = try? await api.ports.logs.evidence(of: attempt.token)
            attempts.append(AttemptView(attempt, evidence))
        }
        let artifacts =
            if let token = build.image?.attempt ?? build.attempt {
                try await api.ports.store.artifacts(of: token)
            } else {
                [Artifact]()
            }
        return BuildDetailView(
            build: await api.view(build), attempts: attempts,
            artifacts: artifacts.map(ArtifactView.init),
            remoteImages: try await api.ports.store.remoteImages(ofBuild: build.id).map {
                RemoteImageView($0, isRemovable: api.ports.imageRemover != nil)
            },
            tests: try await api.ports.store.testRecords(ofBuild: build.id).map(TestView.init),
            waiting: build.state == .queued
                ? await api.coordinator.leader?.tracker.explain(build.id) : nil,
            end: build.state.isEnded
                ? nil : await api.coordinator.leader?.tracker.expectedEnd(build.id),
            fingerprint: await fingerprint(build, api), plan: build.plan)
    }

    private static func fingerprint(_ build: Build, _ api: APIContext) async -> FailureView? {
        // What cannot be read must not hide the build.
        let group = try? await FailureHistory(ports: api.ports).like(build)
        return group.map { FailureView($0, at: api.ports.clock.unixMilliseconds()) }
    }

    private static func log(
        _ build: Build, _ request: HTTPRequest, _ api: APIContext
    ) async throws -> HTTPResponse {
        if let problem = Gone.problem(build) { throw problem }
        let attempts = try await api.ports.store.attempts(ofBuild: build.id).map(\.token.text)
        guard let token = request.query["attempt"] ?? build.attempt?.text else {
            throw Problem.notFound(
                "Build \(build.guestOS):\(build.number) has no log yet: it is queued")
        }
        guard attempts.contains(token), let path = api.logPath(token) else {
            throw Problem.notFound(
                "Build \(build.guestOS):\(build.number) has no attempt \(Names.quoted(token))",
                remedy: attempts.isEmpty ? nil : "Its attempts: \(attempts.joined(separator: ", "))"
            )
        }
        let size = Files.sizeBytes(path) ?? 0
        guard size > 0 else {
            return .text("", type: "application/x-ndjson", headers: ["Accept-Ranges": "bytes"])
        }
        if let part = try part(request, sizeBytes: size) {
            var response = HTTPResponse(headers: ["Content-Type": "application/x-ndjson"])
            response.body = .file(
                FileSlice(path: path, offset: part.offset, lengthBytes: part.lengthBytes))
            return response
        }
        // The file only grows: its tag changes with its size, and a range stays valid.
        return .file(
            path, sizeBytes: size, type: "application/x-ndjson",
            version: FileVersion(
                tag: EntityTag("\(token)-\(size)"),
                modifiedSeconds: (Files.modifiedNanoseconds(path) ?? 0) / 1_000_000_000,
                isSettled: false), for: request)
    }

    /// `?from=&to=`, in bytes of the log: for links, which cannot send Range.
    private static func part(_ request: HTTPRequest, sizeBytes: Int64) throws -> ByteRange? {
        guard let from = request.query["from"], let to = request.query["to"] else { return nil }
        guard let first = Int64(from), let end = Int64(to), first >= 0, first <= end else {
            throw Problem.badRequest(
                "Invalid part of a log: from=\(from.prefix(20))&to=\(to.prefix(20))",
                remedy: "Give two byte offsets, the smaller one first")
        }
        let offset = min(first, sizeBytes)
        return ByteRange(offset: offset, lengthBytes: min(end, sizeBytes) - offset)
    }
}
