import Testing

@testable import CoordinatorCore

/// The column `variables` of the sheet `guestos`.
struct VariableCellTests {
    private let known: RegistrySnapshot = {
        var known = RegistrySnapshot()
        known.guestOSes["debian"] = GuestOS(
            id: "d", name: "debian", type: .linux, distro: "", version: "", baseISO: "",
            template: .folder(path: "/srv/debian"), variables: ["release": "bookworm"],
            owner: "default", createdMilliseconds: 1)
        return known
    }()

    private func plan(_ cells: [String]) -> (plan: RegistryPlan, problems: [ImportProblem]) {
        let header: [SheetValue] = ["name", "type", "Variables"].map { .text($0) }
        let rows = cells.enumerated().map { index, cell -> [SheetValue] in
            let name = index == 0 ? "debian" : "other\(index)"
            return [.text(name), .text("linux"), cell.isEmpty ? .empty : .text(cell)]
        }
        let table = SheetTable(
            name: "guestos", columns: ["A", "B", "C"],
            rows: ([header] + rows).enumerated().map { .init(number: $0 + 1, values: $1) })
        var problems = ImportProblems(limit: 10)
        let read = RegistryRows(SheetFile(tables: [table]), only: nil, &problems)
        let plan = RegistryPlan(
            read, known: known, atMilliseconds: 1, template: { _ in .missing }, &problems,
            newID: { "x" })
        return (plan, problems.shown)
    }

    @Test(
        "A cell holds one variable a line, or a JSON object",
        arguments: [
            ("release=trixie", ["release": "trixie"]),
            (
                " release = trixie \r\n\nmirror=http://m/?a=1;b=2\n",
                [
                    "release": "trixie", "mirror": "http://m/?a=1;b=2",
                ]
            ),
            ("empty=", ["empty": ""]),
            (#"{"motd": "two\nlines"}"#, ["motd": "two\nlines"]),
            ("{}", [:]),
        ])
    func cells(cell: String, variables: [String: String]) throws {
        let (plan, problems) = plan([cell])
        #expect(problems.isEmpty, "\(problems)")
        #expect(plan.guestOSes.first?.variables == variables)
        #expect(plan.newTemplates.map(\.guestOS.name) == ["debian"])
    }

    @Test("An empty cell keeps the variables, and no template is read again")
    func emptyCell() {
        let (plan, problems) = plan(["", "a=b"])
        #expect(problems.isEmpty)
        #expect(plan.guestOSes.map(\.variables) == [["release": "bookworm"], ["a": "b"]])
        // The other one has no template yet.
        #expect(plan.newTemplates.isEmpty)
    }

    @Test("What is no variable is refused with its cell")
    func problems() {
        let cells = ["a=b;c\nd", "=x", "a=1\na=2", "{a}", #"{"a": 1}"#, "a/b=c", "a=\u{7}"]
        let problems = plan(cells).problems
        #expect(problems.map(\.cell) == cells.indices.map { "C\($0 + 2)" })
        for (problem, words) in zip(
            problems, ["the line 'd'", "the line '=x'", "'a' twice", "JSON", "'a' to", "'a/b'"])
        {
            #expect(problem.why.contains(words), "\(problem.why)")
        }
    }
}
