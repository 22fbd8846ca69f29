import Testing

@testable import CoordinatorCore

/// Cells beyond the header of a sheet.
struct ExtraCellTests {
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
