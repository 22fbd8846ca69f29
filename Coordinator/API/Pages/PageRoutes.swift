import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// The web pages: rendered here, whole without a script, and kept up to date by `page.js`.
enum PageRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/") { request, _ in
            api.page(
                Page(title: "Farm", body: try await OverviewPage.body(api), isLive: true), request)
        }
        router.on("GET", "/builds/{id}") { request, path in
            let build = try await api.build(path["id"])
            let detail = try await BuildRoutes.detail(build, api)
            let releases = try await ReleaseSection.rows(ofBuild: build.id, api)
            let outputs = try await OutputSection.rows(of: build, api)
            return api.page(
                Page(
                    title: "\(build.guestOS):\(build.number)",
                    body: BuildPage.body(detail) + (try await LogSection.body(of: build, api))
                        + releases + outputs,
                    styles: [.log], scripts: LogSection.scripts + [.build]), request)
        }
        router.on("GET", "/releases", query: ["after"]) { request, _ in
            let body = try await ReleaseSection.page(request, api)
            return api.page(Page(title: "Releases", body: body, isLive: true), request)
        }
        router.on("GET", "/guestos", query: ["after"]) { request, _ in
            api.page(
                Page(
                    title: "Guest OSes", body: try await GuestOSListPage.body(request, api),
                    isLive: true), request)
        }
        router.on("GET", "/guestos/{name}") { request, path in
            let body = try await GuestOSPage.body(path["name"], request, api)
            return api.page(Page(title: path["name"], body: body, isLive: true), request)
        }
        router.on("GET", "/hosts") { request, _ in
            api.page(
                Page(title: "Hosts", body: try await HostsPage.body(api), isLive: true), request)
        }
        router.on("GET", "/hosts/{name}") { request, path in
            let body = try await HostPage.body(path["name"], request, api)
            return api.page(Page(title: path["name"], body: body, isLive: true), request)
        }
        router.on(
            "GET", "/audit", query: ["actor", "action", "subject", "since", "until", "after"]
        ) { request, _ in
            api.page(
                Page(title: "Audit", body: try await AuditPage.body(request, api)), request)
        }
        router.on("GET", "/search", query: ["q"]) { request, _ in
            api.page(
                Page(title: "Search", body: try await SearchPage.body(request, api)), request)
        }
        router.on("GET", "/retention") { request, _ in
            api.page(
                Page(title: "Retention", body: try await RetentionSection.page(api)), request)
        }
        router.on("GET", "/deliveries") { request, _ in
            api.page(
                Page(title: "Deliveries", body: try await DeliverySection.page(api), isLive: true),
                request)
        }
        router.on("GET", "/style") { request, _ in
            api.page(Page(title: "Style", body: StylePage.body), request)
        }
        router.on("GET", "/static/{name}") { _, path in try StaticFile.response(path["name"]) }
    }
}
