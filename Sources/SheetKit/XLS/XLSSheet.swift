struct XLSSheet {
    private let globals: XLSGlobals
    /// The cell of a formula whose text is in the next text record.
    private var awaitsText: (row: Int, column: Int)?

    init(_ globals: XLSGlobals) { self.globals = globals }

    mutating func read(
        _ records: BIFFRecords, into builder: inout SheetBuilder
    ) throws(SheetError) {
        var records = records
        // An embedded chart is a part within the part.
        var depth = 0
        while let record = try records.next() {
            switch record.kind {
            case .beginOfPart: depth += 1
            case .endOfPart:
                depth -= 1
                if depth <= 0 { return }
            default:
                guard depth > 0 else { throw SheetError.cutShort }
                if depth == 1 { try take(record, &builder) }
            }
        }
        throw SheetError.cutShort
    }

    private mutating func take(
        _ record: BIFFRecord, _ builder: inout SheetBuilder
    ) throws(SheetError) {
        let data = record.data
        switch record.kind {
        case .stringNumber:
            let index = try data.u32(6)
            guard globals.strings.indices.contains(index) else { throw SheetError.cutShort }
            try add(Self.text(globals.strings[index]), data, &builder)
        case .text, .richText:
            var text = BIFFText(record, from: 6)
            try add(Self.text(try text.text()), data, &builder)
        case .number: try add(number(try data.double(6), try data.u16(4)), data, &builder)
        case .packedNumber:
            try add(number(Self.unpacked(try data.u32(6)), try data.u16(4)), data, &builder)
        case .manyNumbers:
            let (row, first) = (try data.u16(0), try data.u16(2))
            for index in 0..<max(0, (data.count - 6) / 6) {
                let start = 4 + index * 6
                let cell = number(Self.unpacked(try data.u32(start + 2)), try data.u16(start))
                try builder.add(cell, row: row + 1, column: first + index)
            }
        case .boolOrError:
            let value = try data.u8(6)
            try add(
                try data.u8(7) == 0 ? .bool(value != 0) : Self.error(value), data, &builder)
        case .formula: try takeFormula(data, &builder)
        case .formulaText:
            guard let place = awaitsText else { return }
            awaitsText = nil
            var text = BIFFText(record, from: 0)
            try builder.add(Self.text(try text.text()), row: place.row, column: place.column)
        default: return
        }
    }

    private mutating func takeFormula(
        _ data: ArraySlice<UInt8>, _ builder: inout SheetBuilder
    ) throws(SheetError) {
        guard try data.u16(12) == 0xFFFF else {
            return try add(number(try data.double(6), try data.u16(4)), data, &builder)
        }
        switch try data.u8(6) {
        case 0: awaitsText = (row: try data.u16(0) + 1, column: try data.u16(2))
        case 1: try add(.bool(try data.u8(8) != 0), data, &builder)
        case 2: try add(Self.error(try data.u8(8)), data, &builder)
        // An empty text; programs that calculate nothing write this, too.
        default: try add(.unsavedFormula, data, &builder)
        }
    }

    /// Every record of one cell begins with its row and column.
    private func add(
        _ cell: Cell, _ data: ArraySlice<UInt8>, _ builder: inout SheetBuilder
    ) throws(SheetError) {
        try builder.add(cell, row: try data.u16(0) + 1, column: try data.u16(2))
    }

    private func number(_ value: Double, _ style: Int) -> Cell {
        guard value.isFinite else { return .error("no number") }
        return globals.isDate(style: style)
            ? DateFormat.cell(value, is1904: globals.is1904) : .number(value)
    }

    private static func text(_ text: String) -> Cell { text.isEmpty ? .empty : .text(text) }

    /// 30 bits of an integer, or of the upper half of a floating-point number; possibly multiplied
    /// by a hundred.
    private static func unpacked(_ bits: Int) -> Double {
        let value =
            bits & 2 != 0
            ? Double(Int32(truncatingIfNeeded: bits) >> 2)
            : Double(bitPattern: UInt64(bits & ~3) << 32)
        return bits & 1 != 0 ? value / 100 : value
    }

    private static func error(_ code: Int) -> Cell {
        let names = [
            0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
            0x24: "#NUM!", 0x2A: "#N/A",
        ]
        return .error(names[code] ?? "#ERROR")
    }
}
