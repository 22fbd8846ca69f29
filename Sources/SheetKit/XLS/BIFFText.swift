/// Reads texts from a record that may have continuations: if characters continue in the next
/// record, that record states again whether they have one byte or two.
struct BIFFText {
    private let segments: [ArraySlice<UInt8>]
    private var segment = 0
    private var offset: Int

    init(_ record: BIFFRecord, from offset: Int) {
        segments = record.segments
        self.offset = offset
    }

    /// - Parameter isShort: whether the length has one byte.
    mutating func text(isShort: Bool = false) throws(SheetError) -> String {
        let count = isShort ? try byte() : try byte() | byte() << 8
        let flags = try byte()
        let runs = flags & 0x08 != 0 ? try byte() | byte() << 8 : 0
        var extensionBytes = 0
        if flags & 0x04 != 0 {
            extensionBytes = try byte() | byte() << 8 | byte() << 16 | byte() << 24
        }
        let units = try units(count, isWide: flags & 1 != 0)
        try skip(runs * 4 + extensionBytes)
        return String(decoding: units, as: UTF16.self)
    }

    private mutating func units(_ count: Int, isWide: Bool) throws(SheetError) -> [UInt16] {
        var isWide = isWide
        var units: [UInt16] = []
        while units.count < count {
            if offset >= segments[segment].count {
                try nextSegment()
                isWide = try byte() & 1 != 0
                continue
            }
            let low = try byte()
            units.append(UInt16(isWide ? low | (try byte()) << 8 : low))
        }
        return units
    }

    private mutating func byte() throws(SheetError) -> Int {
        while offset >= segments[segment].count { try nextSegment() }
        defer { offset += 1 }
        return try segments[segment].u8(offset)
    }

    private mutating func skip(_ count: Int) throws(SheetError) {
        var rest = count
        while rest > 0 {
            let here = segments[segment].count - offset
            if here >= rest {
                offset += rest
                return
            }
            rest -= max(0, here)
            try nextSegment()
        }
    }

    private mutating func nextSegment() throws(SheetError) {
        guard segment + 1 < segments.count else { throw SheetError.cutShort }
        segment += 1
        offset = 0
    }
}
