import ArgumentKit

/// `aibuild failures`
enum FailureCommand {
    private struct Count: Decodable {
        var name: String
        var count: Int

        var words: String { "\(name) \(count)" }
    }

    private struct Answer: Decodable {
        var text, lastAt, lastBuild: String
        var step: String?
        var count: Int
        var hosts, guestOSes: [Count]
    }

    static let failures = Command(
        name: "failures", summary: "List first errors of failed builds, the most frequent first",
        options: [
            CommandOption("guestos", value: "NAME", "only builds of this guest OS"),
            CommandOption(
                "since", value: "TIME",
                "2026-11-30, or 2026-11-30T09:00:00Z (default: the last 14 days)"),
            CommandOption("limit", value: "N", "how many to list"),
        ],
        details: [
            "Errors are the same if they differ only in numbers, versions, hexadecimal names,",
            "temporary files and queries of URLs. Each attempt counts, also one that was retried.",
        ],
        examples: [
            "aibuild failures", "aibuild failures --guestos debian12 --since 2026-11-01",
        ],
        run: { context in
            let arguments = context.arguments
            let query = ["guestos", "since", "limit"].compactMap { name in
                arguments[name].map { (name, $0) }
            }
            let body = try await context.api.get("/api/v1/failures", query: query)
            return try context.show(body, as: Page<Answer>.self) { page in
                var table = Table(
                    "TIMES", "LAST", "BUILD", "HOSTS", "GUEST OSES", "FIRST ERROR",
                    spare: ["GUEST OSES", "LAST"])
                for item in page.items {
                    table.add(
                        .init("\(item.count)", .bold), .init(Format.age(item.lastAt)),
                        .init(item.lastBuild), .init(list(item.hosts)),
                        .init(list(item.guestOSes)), .init(item.text))
                }
                context.print(table, orElse: "No build failed")
            }
        })

    private static let shown = 3

    private static func list(_ counts: [Count]) -> String {
        let more = counts.count > shown ? ", …" : ""
        return counts.prefix(shown).map(\.words).joined(separator: ", ") + more
    }
}
