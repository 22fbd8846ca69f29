import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The farm at a glance: what needs somebody, what runs, what waits and why, the hosts, and what
/// ended last.
enum OverviewPage {
    /// Rows of a section, so that the next one is in sight. The counts beside the headings are of
    /// all.
    private static let rows = 15

    static func body(_ api: APIContext) async throws -> Markup {
        let leader = try api.leader()
        let now = api.ports.clock.unixMilliseconds()
        let load = await leader.tracker.counts
        let hosts = await leader.hosts.snapshots()
        let running = await leader.tracker.running(limit: rows)
        let attention = try await AttentionSection(api, leader, hosts).items()
        return "<h1 class=\"hidden\">The farm</h1>"
            + HTML.live(
                "attention", "Needs attention\(count(attention.count))",
                AttentionSection.list(attention, at: now))
            + HTML.live(
                "running", "Running\(count(load.running))",
                runningTable(
                    running, await leader.tracker.expectedEnds(of: running.map(\.0)), at: now)
                    + rest(load.running))
            + HTML.live(
                "queue", "Queue\(count(load.queued))",
                queueTable(await leader.tracker.queue(limit: rows)) + rest(load.queued))
            + HTML.live("hosts", "Hosts\(hostCount(hosts))", HostTiles.list(hosts))
            + HTML.live(
                "finished", "Finished last", finishedTable(await leader.results.lastEnded()))
    }

    private static func count(_ count: Int) -> Markup {
        count == 0 ? .none : " <span class=\"count\">\(count)</span>"
    }

    private static func rest(_ count: Int) -> Markup {
        count > rows ? "<p class=\"empty\">and \(count - rows) more</p>" : .none
    }

    private static func hostCount(_ hosts: [HostSnapshot]) -> Markup {
        let slots = hosts.compactMap { $0.report?.slots }.clampedSum()
        return hosts.isEmpty
            ? .none
            : " <span class=\"count\">\(hosts.count), \(hosts.map(\.running).clampedSum()) of "
                + "\(slots) slots used</span>"
    }

    private static func runningTable(
        _ builds: [(Build, LiveDetail)], _ ends: [String: Expected], at now: Int64
    ) -> Markup {
        HTML.table(
            ["build", "state", "doing", "host", "for", "ends"],
            builds.map { build, live in
                let started = build.startedMilliseconds ?? now
                var doing: Markup = "\(live.phase ?? "")"
                if let done = live.doneBytes, let total = live.totalBytes, total > 0 {
                    let percent = Int(clamping: 100 * (done / max(1, total / 1000)) / 1000)
                    doing += HTML.meter(percent, of: 100, "\(percent) % transferred")
                }
                return HTML.Row(
                    key: build.id,
                    cells: [
                        HTML.buildLink(build.id, build.guestOS, build.number),
                        HTML.badge(build.state.rawValue), doing,
                        build.host.map { HostsPage.link($0) }.orNone,
                        "\(HTML.seconds(Double(max(0, now - started)) / 1000))",
                        "\(ends[build.id].map { RangeText.text($0) } ?? "")",
                    ])
            },
            empty: "Nothing is building. Start one: <code>aibuild build GUESTOS</code>")
    }

    private static func queueTable(_ queue: [(Build, Waiting)]) -> Markup {
        HTML.table(
            ["#", "build", "waits because", "starts", "what to do", "submitted"],
            queue.map { build, waiting in
                let starts =
                    waiting.start.map { RangeText.text($0) } ?? waiting.etaReason ?? "unknown"
                let priority: Markup = build.priority == 0 ? .none : " (\(build.priority))"
                return HTML.Row(
                    key: build.id,
                    cells: [
                        "\(waiting.position)",
                        HTML.buildLink(build.id, build.guestOS, build.number) + priority,
                        "\(waiting.summary)", "\(starts)", "\(waiting.remedy)",
                        HTML.time(build.submittedMilliseconds),
                    ])
            }, empty: "No builds are queued.")
    }

    private static func finishedTable(_ builds: [Build]) -> Markup {
        HTML.table(
            ["build", "state", "ended", "took", "host", "result"],
            builds.map { build in
                let view = BuildView(build)
                let image = build.image.map { image -> Markup in
                    "<a href=\"/\(image.path)\">\(image.name)</a>"
                }
                let reason: Markup =
                    build.state == .failed ? "\(Headline.of(build.fault?.reason ?? ""))" : .none
                return HTML.Row(
                    key: build.id,
                    cells: [
                        HTML.buildLink(build.id, build.guestOS, build.number),
                        HTML.badge(build.state.rawValue),
                        build.endedMilliseconds.map { HTML.time($0) }.orNone,
                        "\(view.durationSeconds.map { HTML.seconds($0) } ?? "")",
                        build.host.map { HostsPage.link($0) }.orNone, image ?? reason,
                    ])
            }, empty: "No build has ended yet. Start one: <code>aibuild build GUESTOS</code>")
    }
}
