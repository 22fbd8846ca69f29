import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// One guest OS: where its images are, how its builds went, and what starts them.
enum GuestOSPage {
    /// As many builds as a person takes in, and a plot has bars.
    private static let builds = 30

    static func body(_ name: String, _ request: HTTPRequest, _ api: APIContext) async throws
        -> Markup
    {
        let guestOS = try await api.ports.guestOS(named: name)
        let builds = try await api.ports.store.builds(
            BuildFilter(guestOS: guestOS.name), limit: builds)
        let released = try await api.ports.store.releases(
            ReleaseFilter(guestOS: guestOS.name, states: [.released]), limit: 100)
        let ended = builds.filter(\.state.isEnded)
        return "<h1>\(guestOS.name)</h1>" + actions(guestOS, request)
            + HTML.live("places", "Where its image is", places(released))
            + HTML.live("history", "Last builds", plots(ended) + table(builds))
            + "<h2>Definition</h2>" + facts(guestOS)
    }

    private static func actions(_ guestOS: GuestOS, _ request: HTTPRequest) -> Markup {
        guard !guestOS.isRetired, let caller = request.sender as? Caller,
            caller.obstacle(
                .build, guestOS: guestOS.name, owner: guestOS.owner, grants: guestOS.grants) == nil
        else { return .none }
        return "<p>"
            + HTML.action(
                "Build", post: "/api/v1/builds", body: ["guestOS": guestOS.name],
                reason: ("reason", "Why is \(guestOS.name) built? Others read it.")) + "</p>"
    }

    /// The newest release in each environment.
    private static func places(_ released: [Release]) -> Markup {
        var newest: [String: Release] = [:]
        for release in released where newest[release.environment] == nil {
            newest[release.environment] = release
        }
        return HTML.table(
            ["environment", "image", "released", "by"],
            newest.values.sorted { $0.environment < $1.environment }.map { release in
                HTML.Row(
                    key: release.environment,
                    cells: [
                        "\(release.environment)",
                        HTML.buildLink(release.build, release.guestOS, release.buildNumber),
                        release.endedMilliseconds.map { HTML.time($0) }.orNone,
                        "\(release.requestedBy)",
                    ])
            },
            empty: "It was never released. Release it: "
                + "<code>aibuild release GUESTOS --to ENV</code>")
    }

    private static func plots(_ ended: [Build]) -> Markup {
        let inOrder = Array(ended.reversed())
        guard inOrder.count > 1 else { return .none }
        return BarPlot(
            title: "Duration",
            bars: inOrder.map { build in
                let seconds = BuildView(build).durationSeconds
                return BarPlot.Bar(
                    value: seconds, text: seconds.map { HTML.seconds($0) } ?? "not started",
                    label: "\(build.guestOS):\(build.number)", look: .of(build.state.rawValue))
            }
        ).svg
            + BarPlot(
                title: "Image size",
                bars: inOrder.map { build in
                    let bytes = build.image?.sizeBytes
                    return BarPlot.Bar(
                        value: bytes.map { Double($0) },
                        text: bytes.map { ByteSize.text($0) } ?? "no image",
                        label: "\(build.guestOS):\(build.number)",
                        look: .of(build.state.rawValue))
                }
            ).svg
    }

    private static func table(_ builds: [Build]) -> Markup {
        HTML.table(
            ["build", "state", "submitted", "took", "host", "reason", "result"],
            builds.map { build in
                let result: Markup =
                    build.image.map { "\(ByteSize.text($0.sizeBytes))" }
                    ?? "\(Headline.of(build.fault?.reason ?? ""))"
                return HTML.Row(
                    key: build.id,
                    cells: [
                        HTML.buildLink(build.id, build.guestOS, build.number),
                        HTML.badge(build.state.rawValue), HTML.time(build.submittedMilliseconds),
                        "\(BuildView(build).durationSeconds.map { HTML.seconds($0) } ?? "")",
                        build.host.map { HostsPage.link($0) }.orNone,
                        "\(build.updateContents.prefix(120))", result,
                    ])
            }, empty: "No build yet. Start one: <code>aibuild build GUESTOS</code>")
    }

    private static func facts(_ guestOS: GuestOS) -> Markup {
        HTML.facts([
            ("system", "\(guestOS.distro) \(guestOS.version) (\(guestOS.type.rawValue))"),
            ("owner", "\(guestOS.owner)"),
            ("template", "<code>\(guestOS.template.shown.address)</code>"),
            ("folder", "\(guestOS.templatePath ?? "the root")"),
            ("registered", HTML.time(guestOS.createdMilliseconds)),
        ])
    }
}
