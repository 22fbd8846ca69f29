import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// Who changed what: filters in the address, so that a link shows the same rows.
enum AuditPage {
    private static let rows = 100
    private static let fields = ["actor", "action", "subject", "since", "until"]

    static func body(_ request: HTTPRequest, _ api: APIContext) async throws -> Markup {
        let found = try await api.ports.store.audit(
            try AuditRoutes.filter(request, api), limit: rows + 1)
        let entries = found.prefix(rows).map { AuditView($0) }
        let query = fields.compactMap { field in
            request.query[field].flatMap {
                $0.isEmpty ? nil : "\(field)=\(PercentCoding.encode($0))"
            }
        }.joined(separator: "&")
        let next: Markup =
            found.count > rows
            ? "<p><a href=\"/audit?\(query)&after=\(entries[rows - 1].id)\">Older</a></p>" : .none
        return "<h1>Audit</h1>" + form(request)
            + "<p>Exactly these rows as <a href=\"/api/v1/audit?\(query)&format=csv&limit=500\">CSV"
            + "</a> or <a href=\"/api/v1/audit?\(query)&limit=500\">JSON</a>, at most 500.</p>"
            + HTML.table(
                ["time", "who", "did", "to", "what", "from"], entries.map(row),
                empty: "No change matches. <a href=\"/audit\">Show all</a>") + next
    }

    private static func form(_ request: HTTPRequest) -> Markup {
        let inputs = fields.map { field -> Markup in
            "<label>\(field) <input name=\"\(field)\" value=\"\(request.query[field] ?? "")\""
                + (field == "since" || field == "until"
                    ? " placeholder=\"2026-11-30\"></label>" : "></label>")
        }
        return "<form class=\"filter\" action=\"/audit\">\(inputs.joined())"
            + "<button>Filter</button></form>"
    }

    private static func row(_ entry: AuditView) -> HTML.Row {
        let origin = [entry.address, entry.signedInBy].compactMap(\.self).joined(separator: ", ")
        return HTML.Row(
            key: "\(entry.id)",
            cells: [
                HTML.time(entry.at), "\(entry.actor)", "\(entry.action)", "\(entry.subject)",
                "\(entry.detail)", "<span class=\"soft\">\(origin)</span>",
            ])
    }
}
