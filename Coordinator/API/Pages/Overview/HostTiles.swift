import CoordinatorCore
import CoordinatorService
import TextKit

/// All hosts in little room.
enum HostTiles {
    static func list(_ hosts: [HostSnapshot]) -> Markup {
        guard !hosts.isEmpty else {
            return "<p class=\"empty\">No hosts yet. Add one: "
                + "<code>aibuild host add NAME --address user@host</code></p>"
        }
        return "<ul class=\"hosts\">\(inOrder(hosts).map(tile).joined("\n"))</ul>"
    }

    /// Those first that need a look.
    static func inOrder(_ hosts: [HostSnapshot]) -> [HostSnapshot] {
        hosts.sorted { (rank($0), $0.host.name) < (rank($1), $1.host.name) }
    }

    private static func rank(_ host: HostSnapshot) -> Int {
        switch host.state {
        case "unreachable", "quarantined": 0
        case "connecting": 1
        default: host.host.drain == nil ? 3 : 2
        }
    }

    private static func tile(_ snapshot: HostSnapshot) -> Markup {
        let host = HostSnapshotView(snapshot)
        let slots = host.slots.map { "\(host.running) of \($0)" } ?? "\(host.running)"
        let notes = ([host.detail] + host.notices).filter { !$0.isEmpty }
        let disk = host.diskFreeBytes.map { ByteSize.text($0) + " free" }
        let facts = [host.accelerators.joined(separator: ", "), disk ?? ""].filter { !$0.isEmpty }
        return """
            <li data-key="\(host.name)"><div class="line">\(HostsPage.link(host.name))
            <span>\(badges(host))</span></div>
            \(HTML.meter(host.running, of: host.slots ?? 0, "slots used on \(host.name)"))
            <p>\(slots) slots, \(facts.joined(separator: ", "))</p>
            \(notes.map { note -> Markup in "<p>\(note)</p>" }.joined())</li>
            """
    }

    /// `drained` replaces `ready`, but hides no fault.
    static func badges(_ host: HostSnapshotView) -> Markup {
        let states =
            (host.drained && host.state == "ready" ? [] : [host.state])
            + (host.drained ? ["drained"] : [])
        return states.map { HTML.badge($0) }.joined(" ")
    }
}
