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
            CommandOption(
                "since", value: "TIME",
                "2h or 3d ago, 2026-11-30, or 2026-11-30T09:00:00Z"),
            CommandOption("until", value: "TIME", "only before this time, in the same forms"),
            CommandOption("csv", "print exactly these rows as CSV: all of them without --limit"),
        ] + CommandContext.pageOptions,
        details: ["Rows are removed by their age alone (retention: audit_days)."],
        examples: [
            "aibuild audit --action host --since 3d",
            "aibuild audit --actor anna --csv --limit 500",
        ],
        run: { context in
            let arguments = context.arguments
            var query = filters.compactMap { name in arguments[name].map { (name, $0) } }
            query += context.pageQuery
            if arguments.has("csv") { return try await printCSV(context, query) }
            let body = try await context.api.get("/api/v1/audit", query: query)
            return try context.show(body, as: Page<AuditAnswer>.self) { page in
                var table = Table(
                    "TIME", "ACTOR", "ACTION", "SUBJECT", "FROM", "BY", "DETAIL",
                    spare: ["FROM", "BY"])
                for row in page.items {
                    table.add(
                        .init(Format.time(row.at)), .init(row.actor, .bold), .init(row.action),
                        .init(row.subject), .init(row.address ?? "-"),
                        .init(row.signedInBy ?? "-"), .init(row.detail))
                }
                context.print(table, orElse: "No rows")
                context.printMore(page.next)
            }
        })

    /// A page as large as the API allows.
    private static let rows = 500

    /// All pages, so that what an auditor gets is complete.
    private static func printCSV(
        _ context: CommandContext, _ query: [(String, String)]
    ) async throws -> ExitCode {
        let isWhole = !query.contains { $0.0 == "limit" }
        var after: String?
        repeat {
            var page = query + [("format", "csv")]
            if isWhole { page.append(("limit", "\(rows)")) }
            if let after { page = page.filter { $0.0 != "after" } + [("after", after)] }
            let text = String(
                decoding: try await context.api.get("/api/v1/audit", query: page), as: UTF8.self)
            let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
            context.console.out(
                lines.dropFirst(after == nil ? 0 : 1).map { $0 + "\r\n" }.joined())
            let isFull = isWhole && lines.count > rows
            after =
                isFull
                ? lines.last?.split(separator: ",").first.map { String($0.filter(\.isNumber)) }
                : nil
        } while after != nil
        return .ok
    }

    private struct AuditAnswer: Decodable {
        var at, actor, action, subject, detail: String
        var address: String?
        /// `token 3f2a…`, `session`, `machine`.
        var signedInBy: String?
    }
}
