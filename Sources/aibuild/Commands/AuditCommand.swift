import ArgumentKit

/// `aibuild audit`
enum AuditCommand {
    private static let filters = ["actor", "action", "subject", "since", "until"]

    static let audit = Command(
        name: "audit", summary: "List who changed what, newest first",
        options: [
            CommandOption("actor", value: "NAME", "only what this user did"),
            CommandOption("action", value: "WORD", "only this action: host.drain, or host for all"),
            CommandOption("subject", value: "NAME", "only what was done to this"),
            CommandOption("since", value: "TIME", "2026-11-30, or 2026-11-30T09:00:00Z"),
            CommandOption("until", value: "TIME", "only before this time"),
            CommandOption("csv", "print exactly these rows as CSV"),
        ] + CommandContext.pageOptions,
        details: ["Rows are removed by their age alone (retention: audit_days)."],
        examples: [
            "aibuild audit --action host --since 2026-11-01",
            "aibuild audit --actor anna --csv --limit 500",
        ],
        run: { context in
            let arguments = context.arguments
            var query = filters.compactMap { name in arguments[name].map { (name, $0) } }
            query += context.pageQuery
            if arguments.has("csv") {
                let body = try await context.api.get(
                    "/api/v1/audit", query: query + [("format", "csv")])
                context.console.out(String(decoding: body, as: UTF8.self))
                return .ok
            }
            let body = try await context.api.get("/api/v1/audit", query: query)
            return try context.show(body, as: Page<AuditAnswer>.self) { page in
                var table = Table(
                    "TIME", "ACTOR", "ACTION", "SUBJECT", "FROM", "DETAIL", spare: ["FROM"])
                for row in page.items {
                    table.add(
                        .init(Format.time(row.at)), .init(row.actor, .bold), .init(row.action),
                        .init(row.subject), .init(row.address ?? "-"), .init(row.detail))
                }
                context.print(table, orElse: "No rows")
                context.printMore(page.next)
            }
        })

    private struct AuditAnswer: Decodable {
        var at, actor, action, subject, detail: String
        var address: String?
    }
}
