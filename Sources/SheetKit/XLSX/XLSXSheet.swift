/// The cells of one worksheet.
struct XLSXSheet {
    private let context: XLSXContext
    private var row = 0
    private var column = -1
    private var type = ""
    private var style = 0
    private var value: String?
    private var hasFormula = false
    /// Whether text belongs to the value.
    private var isValue = false

    init(_ context: XLSXContext) { self.context = context }

    mutating func read(
        _ xml: XMLStream, into builder: inout SheetBuilder
    ) throws(SheetError) {
        while let event = try xml.next() {
            switch event {
            case .start("row"):
                let number = xml.attributes()["r"].flatMap { Int($0) }
                row = number.map { min(max($0, 1), 1 << 24) } ?? row + 1
                column = -1
            case .start("c"): begin(xml.attributes())
            case .start("f"):
                hasFormula = true
                try xml.skip()
            case .start("v"), .start("t"):
                isValue = true
                if value == nil { value = "" }
            case .end("v"), .end("t"): isValue = false
            case .start("rPh"): try xml.skip()
            case .text(let part) where isValue: value = (value ?? "") + part
            case .end("c"): try builder.add(try cell(), row: row, column: column)
            case .end("sheetData"): return
            default: continue
            }
        }
    }

    private mutating func begin(_ attributes: [String: String]) {
        // Both numbers may be missing: then it is the next cell.
        if let place = attributes["r"].flatMap({ CellName.parse($0) }) {
            (row, column) = place
        } else {
            column += 1
        }
        type = attributes["t"] ?? "n"
        style = attributes["s"].flatMap { Int($0) } ?? 0
        value = nil
        hasFormula = false
        isValue = false
    }

    private func cell() throws(SheetError) -> Cell {
        guard let value, !value.isEmpty || type == "str" || type == "inlineStr" else {
            return hasFormula ? .unsavedFormula : .empty
        }
        switch type {
        case "s":
            guard let index = Int(value), context.strings.indices.contains(index) else {
                throw SheetError(
                    "the file is damaged: cell \(CellName.column(column))\(row) refers to a text "
                        + "that is not there")
            }
            let text = context.strings[index]
            return text.isEmpty ? .empty : .text(text)
        case "str", "inlineStr": return value.isEmpty ? .empty : .text(XString.decoded(value))
        case "b": return .bool(value == "1" || value == "true")
        case "e": return .error(value)
        case "d": return .date(value)
        default:
            guard let number = Double(value), number.isFinite else {
                throw SheetError(
                    "the file is damaged: cell \(CellName.column(column))\(row) is no number")
            }
            let isDate = context.dateStyles.indices.contains(style) && context.dateStyles[style]
            return isDate ? DateFormat.cell(number, is1904: context.is1904) : .number(number)
        }
    }
}
