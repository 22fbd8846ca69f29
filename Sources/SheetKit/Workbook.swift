/// What a spreadsheet file holds.
public struct Workbook: Sendable, Hashable {
    public var sheets: [Sheet]
    /// What was left out of it, for the person whose file it is: macros, charts.
    public var notices: [String] = []
    /// A text file has one sheet and no name for it.
    public var isText = false

    init(sheets: [Sheet]) { self.sheets = sheets }
}

/// One table, without its empty rows.
public struct Sheet: Sendable, Hashable {
    public var name: String
    public var rows: [SheetRow]
}

public struct SheetRow: Sendable, Hashable {
    /// As people see it, from 1.
    public var number: Int
    /// From column A to the last one that is not empty.
    public var cells: [Cell]
}

public enum Cell: Sendable, Hashable {
    case empty
    case text(String)
    case number(Double)
    case bool(Bool)
    /// `2018-11-28`, `2018-11-28 09:30:00` or `09:30:00`.
    case date(String)
    /// There is no value: why, in words or as the program shows it (`#DIV/0!`).
    case error(String)

    /// A formula that the program which wrote the file did not calculate.
    static let unsavedFormula = Cell.error(
        "a formula without a saved value: open and save the file in a spreadsheet program, or "
            + "write the value itself")
}
