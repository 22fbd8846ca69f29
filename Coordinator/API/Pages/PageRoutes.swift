import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The web pages: the farm, and one build with its live log. Rendered here and kept up to date by
/// a few lines of JavaScript that read the same events as other clients.
enum PageRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/") { _, _ in
            page(
                HTML.page(title: "Farm", body: try await overview(api), scripts: "overview.js"))
        }
        router.on("GET", "/overview") { _, _ in page(try await overview(api)) }
        router.on("GET", "/builds/{id}") { _, path in
            let build = try await api.build(path["id"])
            let detail = try await BuildRoutes.detail(build, api)
            let title = "\(detail.build.guestOS):\(detail.build.number)"
            let releases = try await ReleaseSection.rows(ofBuild: build.id, api)
            let outputs = try await OutputSection.rows(of: build, api)
            return page(
                HTML.page(
                    title: title, body: BuildPage.body(detail) + releases + outputs,
                    scripts: "terminal.js", "build.js", "releases.js"))
        }
        router.on("GET", "/releases") { _, _ in
            page(
                HTML.page(
                    title: "Releases", body: try await ReleaseSection.page(api),
                    scripts: "releases.js"))
        }
        router.on("GET", "/retention") { _, _ in
            page(HTML.page(title: "Retention", body: try await RetentionSection.page(api)))
        }
        router.on("GET", "/deliveries") { _, _ in
            page(HTML.page(title: "Deliveries", body: try await DeliverySection.page(api)))
        }
        router.on("GET", "/static/{name}") { _, path in
            guard let file = StaticFiles.all[path["name"]] else {
                throw Problem.notFound("There is no /static/\(path["name"].prefix(80))")
            }
            return HTTPResponse(
                headers: ["Content-Type": file.type, "Cache-Control": "no-cache"],
                body: .bytes(file.bytes))
        }
    }

    private static func page(_ html: String) -> HTTPResponse { HTML.response(html) }

    // MARK: The overview

    private static let rows = 50

    private static func overview(_ api: APIContext) async throws -> String {
        let queue = try await api.leader().tracker.queue(limit: rows)
        let builds = try await api.ports.store.builds(BuildFilter(), limit: rows)
        let hosts = try await api.leader().hosts.snapshots()
        var shown: [[String]] = []
        for build in builds where build.state != .queued {
            shown.append(row(await api.view(build)))
        }
        return "<h1>Hosts</h1>" + hostTable(hosts)
            + "<h1>Queue</h1>" + queueTable(queue)
            + "<h1>Builds</h1>"
            + HTML.table(
                ["build", "state", "host", "submitted", "took", "image"], shown,
                empty: "No builds yet. Start one: <code>aibuild build GUESTOS</code>")
    }

    private static func row(_ build: BuildView) -> [String] {
        let image = build.image.map { image in
            "<a href=\"/\(HTML.escape(image.path))\">\(HTML.escape(image.name))</a>"
        }
        let note = build.fault.map { HTML.escape($0.reason.prefix(120)) } ?? ""
        return [
            HTML.buildLink(build.id, build.guestOS, build.number), HTML.badge(build.state),
            HTML.escape(build.host ?? ""),
            HTML.time(build.submittedAt),
            build.durationSeconds.map { "\(Int($0.rounded())) s" }
                ?? HTML.escape(build.phase ?? ""),
            image ?? note,
        ]
    }

    private static func queueTable(_ queue: [(Build, Waiting)]) -> String {
        HTML.table(
            ["#", "build", "priority", "submitted", "waiting for", "what to do"],
            queue.map { build, waiting in
                let reasons = waiting.hosts.map { "\($0.host): \($0.reason)" }
                    .joined(separator: "\n")
                let eta =
                    waiting.etaSeconds.map { "about \($0) s" }
                    ?? "start unknown: \(waiting.etaReason ?? "")"
                return [
                    "\(waiting.position)", HTML.buildLink(build.id, build.guestOS, build.number),
                    "\(build.priority)",
                    HTML.time(Time.text(build.submittedMilliseconds)),
                    "<span title=\"\(HTML.escape(reasons))\">"
                        + "\(HTML.escape(waiting.summary)) (\(HTML.escape(eta)))</span>",
                    HTML.escape(waiting.remedy),
                ]
            }, empty: "No builds are queued.")
    }

    private static func hostTable(_ hosts: [HostSnapshot]) -> String {
        HTML.table(
            ["host", "state", "running", "accelerators", "disk free", "notes"],
            hosts.map { snapshot in
                let host = HostSnapshotView(snapshot)
                // `drained` replaces `ready`, but hides no fault.
                let states =
                    (host.drained && host.state == "ready" ? [] : [host.state])
                    + (host.drained ? ["drained"] : [])
                let notes = ([host.detail] + host.notices).filter { !$0.isEmpty }
                return [
                    HTML.escape(host.name), states.map { HTML.badge($0) }.joined(separator: " "),
                    "\(host.running) of \(host.slots.map(String.init) ?? "?")",
                    HTML.escape(host.accelerators.joined(separator: ", ")),
                    host.diskFreeBytes.map(ByteSize.text) ?? "?",
                    HTML.escape(notes.joined(separator: "; ")),
                ]
            },
            empty: "No hosts yet. Add one: <code>aibuild host add NAME --address user@host</code>")
    }
}
