struct ODSTable {
    private let limits: SheetLimits
    /// From 1; the row that is being read.
    private var row = 0
    private var cells: [(cell: Cell, column: Int, count: Int)] = []
    private var column = 0

    init(_ limits: SheetLimits) { self.limits = limits }

    /// Reads to the end of the table that just began.
    mutating func read(_ xml: XMLStream, into builder: inout SheetBuilder) throws(SheetError) {
        var repeats = 1
        row = 1
        while let event = try xml.next() {
            switch event {
            case .start("table-row"):
                repeats = count(xml.attributes()["number-rows-repeated"])
                cells = []
                column = 0
            case .start("table-cell"), .start("covered-table-cell"):
                let values = xml.attributes()
                let repeated = count(values["number-columns-repeated"])
                let text = try text(xml)
                let cell = self.cell(values, text)
                if cell != .empty { cells.append((cell, column, repeated)) }
                column = min(column + repeated, 1 << 24)
            case .end("table-row"):
                // A row without content may be repeated to the end of the sheet.
                if !cells.isEmpty { try add(repeats, to: &builder) }
                row = min(row + repeats, 1 << 24)
            case .start("table"), .start("shapes"): try xml.skip()
            case .end("table"): return
            default: continue
            }
        }
    }

    private func add(_ repeats: Int, to builder: inout SheetBuilder) throws(SheetError) {
        for line in row..<(row + repeats) {
            for (cell, first, count) in cells {
                // The builder refuses cells too far right or down before this takes long.
                for column in first..<(first + count) {
                    try builder.add(cell, row: line, column: column)
                }
            }
        }
    }

    private func count(_ text: String?) -> Int {
        min(max(text.flatMap { Int($0) } ?? 1, 1), 1 << 24)
    }

    /// The paragraphs of the cell that just began, up to its end; `nil` if it has none.
    private func text(_ xml: XMLStream) throws(SheetError) -> String? {
        var text: String?
        var isParagraph = false
        while let event = try xml.next() {
            switch event {
            case .end("table-cell"), .end("covered-table-cell"): return text
            // A note on the cell has paragraphs of its own.
            case .start("annotation"), .start("table"): try xml.skip()
            case .start("p"):
                text = text.map { $0 + "\n" } ?? ""
                isParagraph = true
            case .end("p"): isParagraph = false
            case .start("s"):
                let spaces = min(count(xml.attributes()["c"]), limits.cellBytes)
                text = (text ?? "") + String(repeating: " ", count: spaces)
            case .start("tab"): text = (text ?? "") + "\t"
            case .start("line-break"): text = (text ?? "") + "\n"
            case .text(let part) where isParagraph: text = (text ?? "") + part
            default: continue
            }
            if let text, text.utf8.count > limits.cellBytes {
                throw SheetError("a cell of row \(row) holds more than \(limits.cellBytes) bytes")
            }
        }
        return text
    }

    private func cell(_ values: [String: String], _ text: String?) -> Cell {
        let shown = text.flatMap { $0.isEmpty ? nil : $0 }
        // LibreOffice writes the type twice; its own extension also has `error`. Both attributes
        // have the same local name, and only for an error does it matter which one is found.
        switch values["value-type"] {
        case "float", "percentage", "currency":
            guard let number = values["value"].flatMap({ Double($0) }), number.isFinite else {
                return .error("the cell has no valid number")
            }
            return .number(number)
        case "boolean": return .bool(values["boolean-value"] == "true")
        case "date": return .date(Self.date(values["date-value"] ?? shown ?? ""))
        case "time": return .date(shown ?? values["time-value"] ?? "")
        case "error": return .error(shown ?? "#ERR")
        case "string":
            let text = shown ?? values["string-value"] ?? ""
            if values["formula"] != nil, text.hasPrefix("#") || text.hasPrefix("Err:") {
                return .error(text)
            }
            return text.isEmpty ? .empty : .text(text)
        default:
            if values["formula"] != nil, shown == nil { return .unsavedFormula }
            return shown.map { .text($0) } ?? .empty
        }
    }

    /// Converts `2018-11-28T09:30:00` to the form of the other formats.
    private static func date(_ text: String) -> String {
        let parts = text.split(separator: "T", maxSplits: 1).map(String.init)
        guard parts.count == 2, !parts[1].hasPrefix("00:00:00") else {
            return parts.first ?? text
        }
        return parts.joined(separator: " ")
    }
}
