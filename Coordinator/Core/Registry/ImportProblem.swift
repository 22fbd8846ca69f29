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

    public init(
        sheet: String, row: Int? = nil, column: String? = nil, cell: String? = nil, why: String
    ) {
        self.sheet = sheet
        self.row = row
        self.column = column
        self.cell = cell
        self.why = why
    }
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
