import Glibc

/// The encoding of a text file, which nothing in it names. Spreadsheet programs write UTF-8 or
/// UTF-16, and in China the GB 18030 of the system, whose older forms are GBK and GB 2312.
enum TextEncoding {
    /// The text in UTF-8, and what was found if it is another encoding. What is no text is returned
    /// as it is.
    static func converted(
        _ bytes: [UInt8]
    ) throws(SheetError) -> (bytes: [UInt8], notice: String?) {
        if FileFormat.isContainer(bytes) { return (bytes, nil) }
        if let isBig = utf16(bytes) {
            let units = stride(from: 0, to: bytes.count - 1, by: 2).map { index in
                let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
                return isBig ? first << 8 | second : second << 8 | first
            }
            guard bytes.count.isMultiple(of: 2),
                let text = String(validating: units, as: UTF16.self)
            else {
                throw SheetError("the file is text in UTF-16 and cut short: save it again")
            }
            return (withoutMark(Array(text.utf8)), notice("UTF-16"))
        }
        if String(validating: bytes, as: UTF8.self) == nil, looksChinese(bytes),
            let text = fromGB18030(bytes)
        {
            return (text, notice("GB 18030 (GBK)"))
        }
        return (withoutMark(bytes), nil)
    }

    private static func notice(_ name: String) -> String {
        "the file is text in \(name) and was read as such; if names look wrong, save it as CSV in "
            + "UTF-8"
    }

    private static func withoutMark(_ bytes: [UInt8]) -> [UInt8] {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    }

    /// Whether the high byte comes first; `nil` if it is not UTF-16. Without a mark, a header in
    /// ASCII has a NUL in every second place.
    private static func utf16(_ bytes: [UInt8]) -> Bool? {
        if bytes.starts(with: [0xFF, 0xFE]) { return false }
        if bytes.starts(with: [0xFE, 0xFF]) { return true }
        let head = bytes.prefix(16)
        guard head.count >= 4 else { return nil }
        let places = head.indices.filter { head[$0] == 0 }
        guard places.count == head.count / 2 else { return nil }
        if places.allSatisfy({ !$0.isMultiple(of: 2) }) { return false }
        return places.allSatisfy { $0.isMultiple(of: 2) } ? true : nil
    }

    /// Both bytes of nearly every Chinese character are above 0xA0. In texts of Europe, such bytes
    /// stand alone between letters.
    private static func looksChinese(_ bytes: [UInt8]) -> Bool {
        var (pairs, others) = (0, 0)
        var index = 0
        while index < bytes.count {
            guard bytes[index] >= 0x80 else {
                index += 1
                continue
            }
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            if bytes[index] > 0xA0, next > 0xA0 { pairs += 1 } else { others += 1 }
            index += next >= 0x30 ? 2 : 1
        }
        return pairs > others * 4
    }

    /// - Returns: `nil` if a byte does not belong there, or the system does not know the encoding.
    private static func fromGB18030(_ bytes: [UInt8]) -> [UInt8]? {
        guard let converter = iconv_open("UTF-8", "GB18030"), converter != iconv_t(bitPattern: -1)
        else { return nil }
        defer { iconv_close(converter) }
        var input = bytes.map { CChar(bitPattern: $0) }
        // A character of two bytes there has at most three here, one of four at most four.
        let room = bytes.count * 2 + 16
        var output = [CChar](repeating: 0, count: room)
        let left = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output -> Int? in
                var (from, to) = (input.baseAddress, output.baseAddress)
                var (fromLeft, toLeft) = (input.count, output.count)
                let code = iconv(converter, &from, &fromLeft, &to, &toLeft)
                return code == Int(bitPattern: UInt.max) || fromLeft > 0 ? nil : toLeft
            }
        }
        return left.map { left in output.prefix(room - left).map { UInt8(bitPattern: $0) } }
    }
}
