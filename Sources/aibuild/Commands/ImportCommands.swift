import ArgumentKit
import Support

/// `aibuild import`, `aibuild export`
enum ImportCommands {
    static let all = [importFile, export]

    private static let importFile = Command(
        name: "import", summary: "Register what a spreadsheet lists, all of it or nothing",
        operands: ["FILE"],
        options: [
            CommandOption("dry-run", "report what would change, change nothing"),
            CommandOption(
                "sheet", value: "NAME",
                "only this sheet: envs, guestos or testcases; of a CSV, what it is"),
            CommandOption("template", "write an empty spreadsheet to FILE, to fill in"),
        ],
        details: [
            "FILE is an .xls, .xlsx, .ods or .csv file with one or more of the sheets envs,",
            "guestos and testcases: a header row, then a row for each entry. Existing entries are",
            "changed to match the file. If anything in the file is wrong, nothing is changed, and",
            "every problem is listed with its place. Columns: docs/registering.md.",
        ],
        examples: [
            "aibuild import --template farm.xlsx", "aibuild import farm.xlsx --dry-run",
            "aibuild import guestos.csv",
        ],
        run: { context in
            let path = context.arguments.operands[0]
            if context.arguments.has("template") {
                for option in ["dry-run", "sheet"] where context.arguments.has(option) {
                    throw CommandError(
                        .usage, "Options --\(option) and --template exclude each other")
                }
                try await write(path, query: [("empty", "true")], context)
                context.console.out(
                    "Wrote \(SafeText.line(path)). Fill it in, then run: aibuild import \(path)\n")
                return .ok
            }
            let bytes = try Arguments.read(path, limitBytes: largestFileBytes)
            var query = [("name", Files.name(of: path))]
            if let sheet = context.arguments["sheet"] { query.append(("sheet", sheet)) }
            if context.arguments.has("dry-run") { query.append(("dry_run", "true")) }
            let answer = try await context.api.upload("/api/v1/import", query: query, bytes)
            return try show(answer, context)
        })

    private static let export = Command(
        name: "export", summary: "Write what is registered to a spreadsheet",
        operands: ["FILE"],
        details: [
            "FILE is an .xlsx file that aibuild import reads. Passwords are not exported: their",
            "column is empty, and importing an empty password keeps the current one. Of the",
            "environments, only those of OpenStack are exported.",
        ],
        examples: ["aibuild export farm.xlsx"],
        run: { context in
            let path = context.arguments.operands[0]
            try await write(path, query: [], context)
            context.console.out("Wrote \(SafeText.line(path)) (without passwords)\n")
            return .ok
        })

    /// The limit of the API.
    private static let largestFileBytes = 8 << 20

    private static func write(
        _ path: String, query: [(String, String)], _ context: CommandContext
    ) async throws {
        guard path.lowercased().hasSuffix(".xlsx") else {
            throw CommandError(
                .usage, "Cannot write \(path): the name must end in .xlsx")
        }
        let bytes = try await context.api.get("/api/v1/export", query: query)
        do { try Files.replace(path, with: bytes) } catch {
            throw CommandError(.refused, error)
        }
    }

    private static func show(
        _ answer: APIClient.Answer, _ context: CommandContext
    ) throws -> ExitCode {
        if context.wantsJSON {
            context.printJSON(answer.body)
            return answer.isGood ? .ok : .refused
        }
        guard answer.isGood else {
            let refusal = try APIClient.decode(ImportProblemAnswer.self, answer.body)
            note(refusal.notices ?? [], context)
            var table = Table("SHEET", "CELL", "COLUMN", "PROBLEM")
            for problem in refusal.problems ?? [] {
                table.add(
                    .init(problem.sheet),
                    .init(problem.cell ?? problem.row.map { "row \($0)" } ?? ""),
                    .init(problem.column ?? ""), .init(problem.why))
            }
            // Problems are not cut to the width of the terminal.
            if !table.isEmpty { context.console.out(table.text(context.style, width: nil)) }
            if let more = refusal.moreProblems, more > 0 {
                context.console.out("and \(more) more\n")
            }
            throw CommandError(
                .refused,
                [refusal.detail, refusal.remedy].compactMap(\.self).joined(separator: "\n"))
        }
        let report = try APIClient.decode(ImportAnswer.self, answer.body)
        note(report.notices ?? [], context)
        var table = Table("SHEET", "NEW", "CHANGED", "UNCHANGED")
        for count in report.sheets {
            table.add(
                .init(count.sheet), .init("\(count.new)"), .init("\(count.changed)"),
                .init("\(count.same)"))
        }
        context.console.out(table.text(context.style, width: nil))
        if report.dryRun { context.console.out("Dry run: nothing was changed\n") }
        for server in report.gitlab ?? [] { context.printGitLab(server) }
        return .ok
    }

    private static func note(_ notices: [String], _ context: CommandContext) {
        for notice in notices { context.console.err("note: \(SafeText.line(notice))\n") }
    }
}

extension CommandContext {
    /// What was done in GitLab. A problem there does not fail the command: the registration
    /// stands.
    func printGitLab(_ report: GitLabAnswer) {
        let name = SafeText.line(report.guestOS)
        for line in report.done ?? [] { console.out("\(name): \(SafeText.line(line))\n") }
        guard let problem = report.problem else { return }
        console.err(
            "\(name) is registered, but not ready in GitLab: \(SafeText.line(problem))\n"
                + "Then run: aibuild guestos gitlab \(name)\n")
    }
}
