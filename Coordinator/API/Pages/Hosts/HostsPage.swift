import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// All hosts in a table, those first that need a look.
enum HostsPage {
    static func body(_ api: APIContext) async throws -> Markup {
        let hosts = HostTiles.inOrder(try await api.leader().hosts.snapshots())
        let counts = Dictionary(grouping: hosts) { host in
            host.state == "ready" && host.host.drain != nil ? "drained" : host.state
        }.map { "\($0.value.count) \($0.key)" }.sorted().joined(separator: ", ")
        return "<h1>Hosts</h1>"
            + HTML.live(
                "hosts", "All hosts <span class=\"count\">\(counts)</span>",
                HTML.table(
                    [
                        "host", "state", "slots", "accelerators", "disk free", "memory", "agent",
                        "Packer", "notes",
                    ], hosts.map(row),
                    empty: "No hosts yet. Add one: "
                        + "<code>aibuild host add NAME --address user@host</code>"))
    }

    private static func row(_ snapshot: HostSnapshot) -> HTML.Row {
        let host = HostSnapshotView(snapshot)
        let notes = ([host.detail] + host.notices).filter { !$0.isEmpty }
        let disk =
            host.diskFreeBytes.map { free in
                host.diskTotalBytes.map { "\(ByteSize.text(free)) of \(ByteSize.text($0))" }
                    ?? ByteSize.text(free)
            } ?? "not known"
        let used: Markup = "\(host.running) of \(host.slots.map(String.init) ?? "?")"
        return HTML.Row(
            key: host.name,
            cells: [
                link(host.name), HostTiles.badges(host),
                used + HTML.meter(host.running, of: host.slots ?? 0, "slots used on \(host.name)"),
                "\(host.accelerators.joined(separator: ", "))", "\(disk)",
                "\(host.memoryBytes.map { ByteSize.text($0) } ?? "")", "\(host.agentVersion ?? "")",
                "\(host.packerVersion ?? "")", "\(notes.joined(separator: "; "))",
            ])
    }

    static func link(_ name: String) -> Markup {
        "<a href=\"/hosts/\(PercentCoding.encode(name))\">\(name)</a>"
    }
}
