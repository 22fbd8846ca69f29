/// Texts of Office Open XML: `_x000D_` stands for a character that XML cannot hold, or would
/// change, and `_x005F_` for an underscore before what would otherwise be such a group.
enum XString {
    private static let underscore = UInt16(UInt8(ascii: "_"))
    /// `_xHHHH_`
    private static let groupUnits = 7

    static func decoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "_")) else { return text }
        let units = Array(text.utf16)
        var decoded: [UInt16] = []
        var index = 0
        while index < units.count {
            if let unit = group(units, at: index) {
                // Two groups may be the halves of one character.
                decoded.append(unit)
                index += groupUnits
            } else {
                decoded.append(units[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF16.self)
    }

    static func encoded(_ text: String) -> String {
        let units = Array(text.utf16)
        var encoded: [UInt16] = []
        for (index, unit) in units.enumerated() {
            let isControl = unit < 0x20 && unit != 0x09 && unit != 0x0A
            if isControl || unit >= 0xFFFE || group(units, at: index) != nil {
                let digits = String(unit, radix: 16, uppercase: true)
                let zeros = String(repeating: "0", count: 4 - digits.count)
                encoded += Array("_x\(zeros)\(digits)_".utf16)
            } else {
                encoded.append(unit)
            }
        }
        return String(decoding: encoded, as: UTF16.self)
    }

    /// The character that a group stands for; `nil` if there is no group at this place.
    private static func group(_ units: [UInt16], at index: Int) -> UInt16? {
        guard index + groupUnits <= units.count, units[index] == underscore,
            units[index + 1] == UInt16(UInt8(ascii: "x")),
            units[index + groupUnits - 1] == underscore
        else { return nil }
        var value: UInt16 = 0
        for unit in units[(index + 2)..<(index + 6)] {
            guard let scalar = Unicode.Scalar(unit), let digit = Character(scalar).hexDigitValue,
                scalar.isASCII
            else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
