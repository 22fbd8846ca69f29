import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The guest OSes by name, each with its newest build.
enum GuestOSListPage {
    private static let rows = 50

    static func body(_ request: HTTPRequest, _ api: APIContext) async throws -> Markup {
        let after = request.query["after"]
        let found = try await api.ports.store.guestOSes(after: after, limit: rows + 1)
        var shown: [HTML.Row] = []
        for guestOS in found.prefix(rows) { shown.append(try await row(guestOS, api)) }
        let next: Markup =
            found.count > rows
            ? "<p><a href=\"/guestos?after=\(PercentCoding.encode(found[rows - 1].name))\">"
                + "Next \(rows)</a></p>" : .none
        return "<h1>Guest OSes</h1>"
            + HTML.live(
                "guestoses", "By name",
                HTML.table(
                    ["name", "newest build", "state", "ended", "image", "owner"], shown,
                    empty: "No guest OS is registered. Register one: "
                        + "<code>aibuild guestos add NAME --template DIR_OR_URL</code>"))
            + next
    }

    private static func row(_ guestOS: GuestOS, _ api: APIContext) async throws -> HTML.Row {
        let build = try await api.ports.store.builds(
            BuildFilter(guestOS: guestOS.name), limit: 1
        ).first
        return HTML.Row(
            key: guestOS.name,
            cells: [
                link(guestOS.name) + (guestOS.isRetired ? " (retired)" : .none),
                build.map { HTML.buildLink($0.id, $0.guestOS, $0.number) } ?? "none",
                build.map { HTML.badge($0.state.rawValue) }.orNone,
                build?.endedMilliseconds.map { HTML.time($0) }.orNone ?? .none,
                build?.image.map { ByteSize.text($0.sizeBytes) }.map { "\($0)" }.orNone ?? .none,
                "\(guestOS.owner)",
            ])
    }

    static func link(_ name: String) -> Markup {
        "<a href=\"/guestos/\(PercentCoding.encode(name))\">\(name)</a>"
    }
}
