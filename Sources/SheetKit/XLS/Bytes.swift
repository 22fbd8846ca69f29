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
