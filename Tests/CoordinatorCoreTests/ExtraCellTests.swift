import Testing

@testable import CoordinatorCore

/// Cells beyond the header of a sheet.
struct ExtraCellTests {
    @Test(
        "A row with wrong variables is read on, so that a problem of its template is told as well")
    func severalProblems() {
        let rows: [[SheetValue]] = [
            [.text("name"), .text("type"), .text("template"), .text("variables")],
            [.text("a"), .text("linux"), .text("/srv/none"), .text("NOVALUE")],
            [.text("b"), .text("amiga"), .text("/srv/b"), .empty],
        ]
        let table = SheetTable(
            name: "guestos", columns: ["A", "B", "C", "D"],
            rows: rows.enumerated().map { .init(number: 1 + $0, values: $1) })
        var problems = ImportProblems(limit: 5)
        let read = RegistryRows(SheetFile(tables: [table]), only: nil, &problems)
        let plan = RegistryPlan(
            read, known: RegistrySnapshot(), atMilliseconds: 1, template: { _ in .missing },
            &problems, newID: { "id" })
        #expect(problems.shown.compactMap(\.cell) == ["D2", "B3"])
        #expect(plan.newTemplates.map(\.guestOS.name) == ["a"])
    }

    @Test("A cell beyond the header is reported, an empty one is not")
    func extraCells() {
        let rows: [[SheetValue]] = [
            [.text("name"), .text("type")], [.text("a"), .text("linux"), .text("Inc")],
            [.text("b"), .text("linux"), .empty],
        ]
        let table = SheetTable(
            name: "guestos", columns: ["A", "B", "C"],
            rows: rows.enumerated().map { .init(number: 1 + $0, values: $1) })
        var problems = ImportProblems(limit: 5)
        let read = RegistryRows(SheetFile(tables: [table], isText: true), only: nil, &problems)
        #expect(problems.isEmpty && read.guestOSes.count == 2)
        #expect(
            read.notices == [
                "sheet guestos: C2 stands beyond the header and was ignored; put a value that has "
                    + "a comma in quotes"
            ])
    }
}
