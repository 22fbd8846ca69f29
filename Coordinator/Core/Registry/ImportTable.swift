import BuildProtocol
import TextKit

/// The rows of one sheet, with values found by column name and converted to text.
struct ImportTable {
    struct Row {
        let number: Int
        /// The columns that have a value.
        fileprivate(set) var values: [String: String] = [:]
        /// Invalid or missing values.
        fileprivate(set) var faults: [ImportProblem] = []

        subscript(column: String) -> String? { values[column] }
    }

    let sheet: ImportSheet
    private let name: String
    private let columnNames: [String]
    private var indexByColumn: [String: Int] = [:]
    /// Up to the last one with a name.
    private var headerCells = 0
    private(set) var rows: [Row] = []
    private(set) var notices: [String] = []

    init(_ table: SheetTable, _ sheet: ImportSheet, _ problems: inout ImportProblems) {
        self.sheet = sheet
        name = table.name
        columnNames = table.columns
        guard let header = table.rows.first else { return }
        readHeader(header, &problems)
        for column in sheet.columns where column.isRequired && indexByColumn[column.name] == nil {
            problems.add(
                ImportProblem(
                    sheet: name, row: header.number, column: column.name,
                    why: "the header has no such column; the columns are "
                        + sheet.columns.map(\.name).joined(separator: ", ")))
        }
        // Without its columns, nothing useful can be said about the rows.
        guard problems.isEmpty || hasRequired else { return }
        for row in table.rows.dropFirst() { read(row) }
    }

    private var hasRequired: Bool {
        sheet.columns.allSatisfy { !$0.isRequired || indexByColumn[$0.name] != nil }
    }

    /// Whether the sheet has the column. If not, known values are kept.
    func has(_ column: String) -> Bool { indexByColumn[column] != nil }

    func problem(_ row: Int, _ column: String, _ why: String) -> ImportProblem {
        let index = indexByColumn[column]
        return ImportProblem(
            sheet: name, row: row, column: column, cell: index.map { "\(columnNames[$0])\(row)" },
            why: why)
    }

    private mutating func readHeader(_ header: SheetTable.Row, _ problems: inout ImportProblems) {
        let known = Dictionary(
            uniqueKeysWithValues: sheet.columns.map { (ImportSheet.plain($0.name), $0.name) })
        headerCells = (header.values.lastIndex { $0 != .empty } ?? -1) + 1
        for (index, value) in header.values.enumerated() where value != .empty {
            guard case .text(let text) = value, let name = known[ImportSheet.plain(text)] else {
                let shown =
                    if case .text(let text) = value { Names.quoted(text) } else { "no text" }
                notices.append(
                    "sheet \(self.name): column \(columnNames[index]) (\(shown)) is unknown and "
                        + "was ignored; the columns are "
                        + sheet.columns.map(\.name).joined(separator: ", "))
                continue
            }
            guard indexByColumn.updateValue(index, forKey: name) == nil else {
                problems.add(
                    ImportProblem(
                        sheet: self.name, row: header.number, column: name,
                        cell: "\(columnNames[index])\(header.number)",
                        why: "the column occurs twice"))
                continue
            }
        }
    }

    private mutating func read(_ source: SheetTable.Row) {
        var row = Row(number: source.number)
        for column in sheet.columns where column.name != "index" {
            guard let index = indexByColumn[column.name], source.values.indices.contains(index)
            else { continue }
            switch Self.text(source.values[index], column) {
            case .success(let text):
                if !text.isEmpty { row.values[column.name] = text }
                note(source.values[index], column, "\(columnNames[index])\(source.number)")
            case .failure(let fault):
                row.faults.append(problem(source.number, column.name, fault.why))
            }
        }
        noteExtraCells(source)
        // Rows with nothing but a number are unused rows of the empty file.
        if row.values.isEmpty && row.faults.isEmpty { return }
        for column in sheet.columns
        where column.isRequired && row.values[column.name] == nil
            && !row.faults.contains(where: { $0.column == column.name })
        {
            row.faults.append(problem(source.number, column.name, "is empty"))
        }
        rows.append(row)
    }

    /// A comma too many in a CSV file moves cells beyond the header.
    private mutating func noteExtraCells(_ source: SheetTable.Row) {
        guard source.values.count > headerCells,
            let extra = source.values[headerCells...].firstIndex(where: { $0 != .empty }),
            columnNames.indices.contains(extra)
        else { return }
        notices.append(
            "sheet \(name): \(columnNames[extra])\(source.number) stands beyond the header and was "
                + "ignored; put a value that has a comma in quotes")
    }

    /// Remarks about a value that is taken, but was hardly meant as it stands.
    private mutating func note(
        _ value: SheetValue, _ column: ImportSheet.Column, _ cell: String
    ) {
        guard case .text(let text) = value else { return }
        if column.isSecret {
            let inner = VisibleText.cleaned(text)
            guard inner != text else { return }
            notices.append(
                "sheet \(name): \(column.name) in \(cell) has white space at an end, or characters "
                    + "that nobody sees; it was taken as it is")
        } else if VisibleText.hasInvisible(text) {
            notices.append(
                "sheet \(name): characters that nobody sees were left out of \(cell)")
        }
    }

    private struct Fault: Error { var why: String }

    private static func text(
        _ value: SheetValue, _ column: ImportSheet.Column
    ) -> Result<String, Fault> {
        let text: String
        switch value {
        case .empty: return .success("")
        case .text(let given): text = column.isSecret ? given : VisibleText.cleaned(given)
        case .number(let number):
            guard abs(number) < 1e15 else {
                return .failure(
                    Fault(
                        why:
                            "is a number of more than 15 digits, which spreadsheet programs round; "
                            + "format the cell as text and enter it again"))
            }
            text = Self.text(number)
        case .bool(let value):
            return .failure(Fault(why: "is \(value ? "TRUE" : "FALSE"), not text"))
        case .date(let date):
            return .failure(
                Fault(
                    why: "is the date \(date), not text; if the program converted it, "
                        + "format the cell as text and enter it again"))
        case .fault(let why): return .failure(Fault(why: why))
        }
        // A password may have any character, also a line break.
        let isTaken = { (scalar: Unicode.Scalar) in
            !scalar.isControl || column.takesLines && (scalar == "\n" || scalar == "\r")
        }
        guard column.isSecret || text.unicodeScalars.allSatisfy(isTaken) else {
            return .failure(Fault(why: "has a line break or another control character"))
        }
        guard text.utf8.count <= column.limitBytes else {
            return .failure(
                Fault(why: "has \(text.utf8.count) bytes; at most \(column.limitBytes) are allowed")
            )
        }
        return .success(text)
    }

    /// Formats a number as a person would write it: `16.04`, `7`, `1804`.
    private static func text(_ number: Double) -> String {
        if number == number.rounded() { return String(Int64(number)) }
        return "\(number)"
    }
}

/// A problem of a spreadsheet, and its position.
public struct ImportProblem: Sendable, Hashable, Codable {
    public var sheet: String
    /// `nil`: the whole sheet.
    public var row: Int?
    /// The name in the header, or the column's letter if it has none.
    public var column: String?
    /// `C7`
    public var cell: String?
    public var why: String
}

/// All problems of a file: the first ones in full, the others counted.
public struct ImportProblems: Sendable, Hashable {
    public private(set) var shown: [ImportProblem] = []
    public private(set) var count = 0
    private let limit: Int

    public init(limit: Int) { self.limit = limit }

    public var isEmpty: Bool { count == 0 }
    public var more: Int { count - shown.count }

    public mutating func add(_ problem: ImportProblem) {
        count += 1
        if shown.count < limit { shown.append(problem) }
    }
}
