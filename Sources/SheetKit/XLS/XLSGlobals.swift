/// The data that all sheets of a workbook share.
struct XLSGlobals {
    struct SheetPlace {
        var name: String
        var offset: Int
        /// Not a chart, macro sheet or module.
        var isTable: Bool
    }

    private(set) var sheets: [SheetPlace] = []
    private(set) var strings: [String] = []
    private(set) var is1904 = false
    private(set) var hasMacroSheets = false
    private var formatCodes: [Int: String] = [:]
    /// The format's number, by the style's number.
    private var styles: [Int] = []

    private static let version8 = 0x0600

    init(_ stream: [UInt8], _ limits: SheetLimits) throws(SheetError) {
        var records = BIFFRecords(stream)
        guard let first = try records.next(), first.kind == .beginOfPart else {
            throw SheetError.cutShort
        }
        guard try first.data.u16(0) == Self.version8 else {
            throw SheetError("the file was made by an Excel before 97: save it as .xlsx")
        }
        while let record = try records.next(), record.kind != .endOfPart {
            switch record.kind {
            case .encryption: throw SheetError.encrypted
            case .dates1904: is1904 = try record.data.u16(0) == 1
            case .sheet: try addSheet(record, limits)
            case .format:
                var text = BIFFText(record, from: 2)
                formatCodes[try record.data.u16(0)] = try text.text()
            case .style: styles.append(try record.data.u16(2))
            case .strings: try addStrings(record, limits)
            default: continue
            }
        }
    }

    func isDate(style: Int) -> Bool {
        guard styles.indices.contains(style) else { return false }
        let format = styles[style]
        return formatCodes[format].map { DateFormat.isDate(code: $0) }
            ?? DateFormat.isDate(builtIn: format)
    }

    private mutating func addSheet(
        _ record: BIFFRecord, _ limits: SheetLimits
    ) throws(SheetError) {
        guard sheets.count < limits.sheets else {
            throw SheetError("the file has more than \(limits.sheets) sheets")
        }
        let type = try record.data.u8(5)
        if type == 1 || type == 6 { hasMacroSheets = true }
        var text = BIFFText(record, from: 6)
        sheets.append(
            SheetPlace(
                name: try text.text(isShort: true), offset: try record.data.u32(0),
                isTable: type == 0))
    }

    private mutating func addStrings(
        _ record: BIFFRecord, _ limits: SheetLimits
    ) throws(SheetError) {
        let count = try record.data.u32(4)
        guard count <= limits.sharedStrings else {
            throw SheetError("the file has more than \(limits.sharedStrings) texts")
        }
        var text = BIFFText(record, from: 8)
        for _ in 0..<count { strings.append(try text.text()) }
    }
}
