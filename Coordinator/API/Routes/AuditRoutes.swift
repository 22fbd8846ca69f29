import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// Who changed what. Nothing here changes a row: only their age removes them.
enum AuditRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "/api/v1/audit",
            query: ["actor", "action", "subject", "since", "until", "after", "limit", "format"]
        ) { request, _ in
            let limit = try request.limit()
            let rows = try await api.ports.store.audit(try filter(request, api), limit: limit + 1)
            let items = rows.prefix(limit).map { AuditView($0) }
            switch request.query["format"] ?? "json" {
            case "json":
                return try .json(
                    ListView(
                        items: items, next: rows.count > limit ? "\(items[limit - 1].id)" : nil))
            case "csv": return .text(CSV.text(items), type: "text/csv; charset=utf-8")
            case let other:
                throw Problem.badRequest(
                    "Invalid format: '\(other.visible.prefix(20))'", remedy: "Use json or csv")
            }
        }
    }

    /// An empty field of a form is none.
    static func filter(_ request: HTTPRequest, _ api: APIContext) throws -> AuditFilter {
        let now = api.ports.clock.unixMilliseconds()
        return AuditFilter(
            actor: word(request, "actor"), action: word(request, "action"),
            subject: word(request, "subject"), sinceMilliseconds: try time(request, "since", now),
            untilMilliseconds: try time(request, "until", now),
            beforeID: try request.query["after"].map { text in
                guard let id = Int64(text) else { throw Problem.unknownCursor(text) }
                return id
            })
    }

    private static func word(_ request: HTTPRequest, _ name: String) -> String? {
        request.query[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A time, or how long ago it was.
    private static func time(
        _ request: HTTPRequest, _ name: String, _ now: Int64
    ) throws -> Int64? {
        guard let text = word(request, name) else { return nil }
        if let seconds = DurationText.seconds(text) { return now - Int64(seconds) * 1000 }
        guard let time = Time.milliseconds(text) else {
            throw Problem.badRequest(
                "Invalid \(name): '\(text.visible.prefix(40))'",
                remedy: "Use how long ago (2h, 3d), a date such as 2026-11-30, or a time such as "
                    + "2026-11-30T09:00:00Z")
        }
        return time
    }

    /// As RFC 4180 has it, with a field that a spreadsheet would take for a formula made text.
    private enum CSV {
        static func text(_ items: [AuditView]) -> String {
            let head = "id,at,actor,action,subject,detail,address,signed_in_by,request\r\n"
            return head
                + items.map { item in
                    [
                        "\(item.id)", item.at, item.actor, item.action, item.subject, item.detail,
                        item.address ?? "", item.signedInBy ?? "", item.request ?? "",
                    ].map(field).joined(separator: ",") + "\r\n"
                }.joined()
        }

        private static func field(_ text: String) -> String {
            let first = text.unicodeScalars.first
            let safe =
                first.map { "=+-@\t\r".unicodeScalars.contains($0) } == true ? "'" + text : text
            return "\"" + safe.replacing("\"", with: "\"\"") + "\""
        }
    }
}
