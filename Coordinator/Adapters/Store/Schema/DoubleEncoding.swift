/// Texts whose UTF-8 bytes were taken for characters of latin1, one each, and encoded once more: a
/// client that said latin1 wrote them, and read them well.
enum DoubleEncoding {
    /// What MariaDB's latin1 has for 0x80 to 0x9F; the rest is as in Unicode.
    private static let windows: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039,
        0x152, 0x8D, 0x17D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
        0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D, 0x17E, 0x178,
    ]
    private static let bytes = Dictionary(
        uniqueKeysWithValues: windows.enumerated().map { ($1, UInt8(0x80 + $0)) })

    /// The text as it was meant; `nil` if it was not encoded twice. A text of latin1 characters
    /// that happen to be UTF-8 is as good as impossible: each has two or more of them in a row
    /// that no language puts there.
    static func repaired(_ text: String) -> String? {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var raw: [UInt8] = []
        for scalar in text.unicodeScalars {
            if let byte = bytes[scalar.value] {
                raw.append(byte)
            } else if scalar.value < 0x100, !(0x80..<0xA0).contains(scalar.value) {
                raw.append(UInt8(scalar.value))
            } else {
                return nil
            }
        }
        guard let meant = String(validating: raw, as: UTF8.self) else { return nil }
        // Some tables went through it more than once.
        return repaired(meant) ?? meant
    }
}
