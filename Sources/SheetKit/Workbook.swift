/// The content of a spreadsheet file.
public struct Workbook: Sendable, Hashable {
    public var sheets: [Sheet]
    /// What was ignored, for the user: macros, charts.
    public var notices: [String] = []
    /// A text file has one sheet without a name.
    public var isText = false

    init(sheets: [Sheet]) { self.sheets = sheets }
}

/// One table, without its empty rows.
public struct Sheet: Sendable, Hashable {
    public var name: String
    public var rows: [SheetRow]
}

public struct SheetRow: Sendable, Hashable {
    /// As shown to users, from 1.
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
    /// There is no value; the reason, or the program's own error (`#DIV/0!`).
    case error(String)

    /// A formula without a result, because the program that wrote the file did not calculate it.
    static let unsavedFormula = Cell.error(
        "a formula without a saved value: open and save the file in a spreadsheet program, or "
            + "write the value itself")
}
