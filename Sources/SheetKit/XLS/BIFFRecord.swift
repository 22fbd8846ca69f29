/// A record of a workbook stream, with its continuation records.
struct BIFFRecord {
    enum Kind: Int {
        case formula = 0x06
        case endOfPart = 0x0A
        case dates1904 = 0x22
        case encryption = 0x2F
        case `continue` = 0x3C
        case sheet = 0x85
        case manyNumbers = 0xBD
        case richText = 0xD6
        case style = 0xE0
        case strings = 0xFC
        case stringNumber = 0xFD
        case number = 0x203
        case text = 0x204
        case boolOrError = 0x205
        case formulaText = 0x207
        case packedNumber = 0x27E
        case format = 0x41E
        case beginOfPart = 0x809
    }

    /// `nil` for records that are ignored.
    var kind: Kind?
    /// The record's content first, then that of each continuation.
    var segments: [ArraySlice<UInt8>]

    var data: ArraySlice<UInt8> { segments[0] }
}

/// Iterates over the records of a workbook stream.
struct BIFFRecords {
    private let bytes: [UInt8]
    private var offset: Int

    init(_ bytes: [UInt8], from offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// - Returns: `nil` at the end of the stream.
    mutating func next() throws(SheetError) -> BIFFRecord? {
        guard let (type, first) = try read() else { return nil }
        var record = BIFFRecord(kind: BIFFRecord.Kind(rawValue: type), segments: [first])
        while offset + 4 <= bytes.count,
            try bytes.u16(offset) == BIFFRecord.Kind.continue.rawValue, let (_, more) = try read()
        {
            record.segments.append(more)
        }
        return record
    }

    private mutating func read() throws(SheetError) -> (type: Int, data: ArraySlice<UInt8>)? {
        guard offset < bytes.count else { return nil }
        let type = try bytes.u16(offset)
        let start = offset + 4
        let end = start + (try bytes.u16(offset + 2))
        guard end <= bytes.count else { throw SheetError.cutShort }
        offset = end
        return (type, bytes[start..<end])
    }
}

/// Little-endian numbers of a file that may be truncated anywhere.
extension Collection where Element == UInt8, Index == Int {
    func u8(_ offset: Int) throws(SheetError) -> Int {
        let index = startIndex + offset
        guard offset >= 0, index < endIndex else { throw SheetError.cutShort }
        return Int(self[index])
    }

    func u16(_ offset: Int) throws(SheetError) -> Int {
        try u8(offset) | u8(offset + 1) << 8
    }

    func u32(_ offset: Int) throws(SheetError) -> Int {
        try u16(offset) | u16(offset + 2) << 16
    }

    func double(_ offset: Int) throws(SheetError) -> Double {
        Double(bitPattern: UInt64(try u32(offset)) | UInt64(try u32(offset + 4)) << 32)
    }
}

extension SheetError {
    static var cutShort: SheetError {
        SheetError("the file is damaged or cut short; save it again and send it whole")
    }
}
