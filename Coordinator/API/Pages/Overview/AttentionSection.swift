import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// What somebody has to look at: nothing here mends itself, or it would be gone by itself.
struct AttentionSection {
    struct Item {
        var look: StateLook
        var what: Markup
        var remedy: Markup
    }

    private let api: APIContext
    private let leader: Leader
    private let hosts: [HostSnapshot]

    /// Items of one kind; more of them are counted.
    private static let rows = 10

    init(_ api: APIContext, _ leader: Leader, _ hosts: [HostSnapshot]) {
        self.api = api
        self.leader = leader
        self.hosts = hosts
    }

    func items() async throws -> [Item] {
        var items = lostHosts()
        items += some(await leader.results.allFailing().map(Self.item), "guest OSes fail")
        items += try await releases()
        items += try await deliveries()
        items += api.setupProblems().filter { !$0.isGuess }.map {
            Item(look: .warning, what: "\($0.problem)", remedy: "\($0.remedy)")
        }
        return items
    }

    static func list(_ items: [Item], at now: Int64) -> Markup {
        guard !items.isEmpty else {
            return "<p class=\"empty\">Nothing needs attention (checked "
                + "\(Time.text(now).dropFirst(11).prefix(5)) UTC).</p>"
        }
        let rows = items.map { item -> Markup in
            "<li class=\"\(item.look.rawValue)\">\(item.what) "
                + "<span class=\"remedy\">\(item.remedy)</span></li>"
        }
        return "<ul class=\"notes\">\(rows.joined("\n"))</ul>"
    }

    private func some(_ items: [Item], _ what: String) -> [Item] {
        guard items.count > Self.rows else { return items }
        return items.prefix(Self.rows) + [
            Item(
                look: .bad, what: "\(items.count - Self.rows) more \(what)", remedy: .none)
        ]
    }

    private func lostHosts() -> [Item] {
        some(
            hosts.filter { ["unreachable", "quarantined"].contains($0.state) }.map {
                Item(
                    look: .bad,
                    what:
                        "Host \(HostsPage.link($0.host.name)) \(HTML.badge($0.state)) \($0.detail)",
                    remedy: "Look: <code>aibuild doctor \($0.host.name)</code>")
            }, "hosts are lost")
    }

    private static func item(_ failing: ResultBoard.Failing) -> Item {
        let build = failing.newest
        let times: Markup =
            failing.failures > 1 ? ", the last \(failing.failures) builds" : .none
        let since: Markup = failing.lastPassed.map { "; \(build.guestOS):\($0) passed" }.orNone
        return Item(
            look: .bad,
            what: "\(HTML.buildLink(build.id, build.guestOS, build.number)) "
                + "\(HTML.badge(build.state.rawValue))\(times)\(since): "
                + "\(Headline.of(build.fault?.reason ?? ""))",
            remedy: build.endedMilliseconds.map { HTML.time($0) }.orNone)
    }

    private func releases() async throws -> [Item] {
        let waiting = try await api.ports.store.releases(
            ReleaseFilter(states: [.awaitingApproval]), limit: Self.rows)
        return waiting.map { release in
            Item(
                look: .warning,
                what: "The release of "
                    + HTML.buildLink(release.build, release.guestOS, release.buildNumber)
                    + " to \(release.environment) waits for approval",
                remedy: "<a href=\"/releases\">Approve or refuse it</a>")
        }
    }

    private func deliveries() async throws -> [Item] {
        let waiting = try await api.ports.store.deliveries(
            DeliveryFilter(states: [.awaitingApproval]), limit: Self.rows)
        return waiting.map { delivery in
            Item(
                look: .warning,
                what: "\(DeliveryView(delivery).title) comes from another project and waits for "
                    + "approval: a template is code",
                remedy: "<code>aibuild deliveries approve \(delivery.id)</code>")
        }
    }
}
