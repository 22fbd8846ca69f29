import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// One host: its state, what runs there, what draining it would hold up, and why it does not take
/// the builds that wait.
enum HostPage {
    /// Builds of the queue that are looked at.
    private static let queued = 20

    static func body(_ name: String, _ request: HTTPRequest, _ api: APIContext) async throws
        -> Markup
    {
        let leader = try api.leader()
        let snapshot = try await leader.hosts.snapshot(name)
        let host = HostSnapshotView(snapshot)
        let running = await leader.tracker.running(on: name)
        let waiting = await leader.tracker.queue(limit: queued)
        let ends = await leader.tracker.expectedEnds(of: running.map(\.0))
        let plan = try await leader.hosts.drainPlan(name)
        return "<h1>\(name) \(HostTiles.badges(host))</h1>"
            + actions(host, request)
            + HTML.live("state", "State", facts(host))
            + HTML.live("running", "Runs there", runningTable(running, ends))
            + HTML.live("refusals", "Why queued builds are not there", refusals(name, waiting))
            + HTML.live("drain", "If it is drained", drain(plan))
    }

    private static func actions(_ host: HostSnapshotView, _ request: HTTPRequest) -> Markup {
        guard let caller = request.sender as? Caller, caller.obstacle(.hosts) == nil else {
            return .none
        }
        let path = "/api/v1/hosts/\(PercentCoding.encode(host.name))"
        return "<p>"
            + (host.drained
                ? HTML.action("Resume", post: path + "/resume")
                : HTML.action(
                    "Drain", post: path + "/drain",
                    reason: ("note", "Why is \(host.name) drained? Others read it.")))
            + "</p>"
    }

    private static func facts(_ host: HostSnapshotView) -> Markup {
        let notes = ([host.detail] + host.notices).filter { !$0.isEmpty }
        var rows: [(Markup, Markup)] = notes.map { ("note", "\($0)") }
        rows.append(("address", "<code>\(host.address)</code>"))
        rows.append(("slots", "\(host.running) of \(host.slots.map(String.init) ?? "?") used"))
        if let vcpus = host.vcpus { rows.append(("vCPUs", "\(vcpus)")) }
        if let memory = host.memoryBytes { rows.append(("memory", "\(ByteSize.text(memory))")) }
        if let free = host.diskFreeBytes, let total = host.diskTotalBytes {
            rows.append(("disk", "\(ByteSize.text(free)) free of \(ByteSize.text(total))"))
        }
        rows.append(("accelerators", "\(host.accelerators.joined(separator: ", "))"))
        rows.append(("tags", "\(host.tags.joined(separator: ", "))"))
        rows.append(
            (
                "versions",
                "agent \(host.agentVersion ?? "not known"), Packer \(host.packerVersion ?? "none"),"
                    + " QEMU \(host.qemuVersion ?? "none")"
            ))
        if let deadline = host.drainDeadlineAt {
            rows.append(("drained by", HTML.time(deadline)))
        }
        return HTML.facts(rows)
    }

    private static func runningTable(
        _ builds: [(Build, LiveDetail)], _ ends: [String: Expected]
    ) -> Markup {
        HTML.table(
            ["build", "state", "doing", "since", "ends"],
            builds.map { build, live in
                HTML.Row(
                    key: build.id,
                    cells: [
                        HTML.buildLink(build.id, build.guestOS, build.number),
                        HTML.badge(build.state.rawValue), "\(live.phase ?? "")",
                        build.startedMilliseconds.map { HTML.time($0) }.orNone,
                        "\(ends[build.id].map { RangeText.text($0) } ?? "")",
                    ])
            }, empty: "Nothing runs there.")
    }

    private static func refusals(_ name: String, _ queue: [(Build, Waiting)]) -> Markup {
        HTML.table(
            ["build", "reason"],
            queue.map { build, waiting in
                HTML.Row(
                    key: build.id,
                    cells: [
                        HTML.buildLink(build.id, build.guestOS, build.number),
                        "\(waiting.hosts.first { $0.host == name }?.reason ?? waiting.summary)",
                    ])
            }, empty: "No builds are queued.")
    }

    private static func drain(_ report: DrainReport) -> Markup {
        let plan = DrainView(report)
        func links(_ items: [DrainView.Item]) -> Markup {
            items.map { HTML.buildLink($0.build, $0.guestOS, $0.number) }.joined(", ")
        }
        let ends: Markup =
            plan.finishes.isEmpty
            ? "<p>Nothing runs there: it would be drained at once.</p>"
            : "<p>These finish first: \(links(plan.finishes)). Expected to be empty: "
                + "\(RangeText.text(report.empty)).</p>"
        let strands: Markup =
            plan.strands.isEmpty
            ? "<p class=\"empty\">No queued build needs just this host.</p>"
            : "<p>No other host could take these: \(links(plan.strands)).</p>"
        return ends + strands
    }
}
