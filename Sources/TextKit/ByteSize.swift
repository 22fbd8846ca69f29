/// Sizes for people.
public enum ByteSize {
    private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    /// The largest that is read.
    private static let limit: Int64 = 1 << 50

    /// Reads `512MiB` or `2GiB`, as options and configuration have it.
    /// - Returns: `nil` if it is no size, or one of more than 1 PiB.
    public static func bytes(_ text: String) -> Int64? {
        let digits = text.utf8.prefix { (48...57).contains($0) }
        let unit = String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self)
        guard let number = Int64(String(decoding: digits, as: UTF8.self)),
            let power = units.dropLast().firstIndex(of: unit)
        else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * power))
        return overflow || value > limit ? nil : value
    }

    /// `512 B`, `1.5 GiB`, `3 GiB`, `500 MiB`: at most one decimal, and none from 100 on. Negative
    /// sizes are written as 0.
    public static func text(_ bytes: Int64) -> String {
        var value = Double(max(0, bytes))
        var unit = 0
        while value >= 1024 && unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        let isWhole = tenths % 10 == 0 || tenths >= 1000
        let number = isWhole ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
        return "\(number) \(units[unit])"
    }
}
