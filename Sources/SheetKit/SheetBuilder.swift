/// Collects the cells of a workbook as they are read, within the limits.
struct SheetBuilder {
    private let limits: SheetLimits
    private var sheets: [Sheet] = []
    private var rows: [Int: [Cell]] = [:]
    private var cellCount = 0
    private var textCount = 0

    init(_ limits: SheetLimits) { self.limits = limits }

    /// - Parameters:
    ///   - row: from 1.
    ///   - column: from 0.
    mutating func add(_ cell: Cell, row: Int, column: Int) throws(SheetError) {
        if cell == .empty { return }
        guard column < limits.columns else {
            throw SheetError(
                "row \(row) has a value in column \(CellName.column(column)); at most "
                    + "\(limits.columns) columns are read")
        }
        cellCount += 1
        guard cellCount <= limits.cells else {
            throw SheetError("the file has more than \(limits.cells) cells")
        }
        if case .text(let text) = cell {
            guard text.utf8.count <= limits.cellBytes else {
                throw SheetError(
                    "cell \(CellName.column(column))\(row) holds more than \(limits.cellBytes) "
                        + "bytes")
            }
            textCount += text.utf8.count
            guard textCount <= limits.textBytes else {
                throw SheetError("the texts of the file have more than \(limits.textBytes) bytes")
            }
        }
        var cells = rows[row] ?? []
        if rows[row] == nil, rows.count >= limits.rows {
            throw SheetError("a sheet has more than \(limits.rows) rows")
        }
        // Removed while it grows, so that appending does not copy the row.
        rows[row] = nil
        while cells.count <= column { cells.append(.empty) }
        cells[column] = cell
        rows[row] = cells
    }

    mutating func endSheet(_ name: String) throws(SheetError) {
        guard sheets.count < limits.sheets else {
            throw SheetError("the file has more than \(limits.sheets) sheets")
        }
        let sorted = rows.sorted { $0.key < $1.key }
        sheets.append(
            Sheet(name: name, rows: sorted.map { SheetRow(number: $0.key, cells: $0.value) }))
        rows = [:]
    }

    func workbook() -> Workbook { Workbook(sheets: sheets) }
}
