import CoordinatorCore

/// The historic `datetime` columns: `2018-11-28 09:05:00`, here in UTC.
enum SQLDateTime {
    static func text(_ unixMilliseconds: Int64) -> String {
        let day = CivilDate(unixMilliseconds: unixMilliseconds)
        let second = Int(((unixMilliseconds / 1000) % 86_400 + 86_400) % 86_400)
        return "\(pad(day.year, 4))-\(pad(day.month, 2))-\(pad(day.day, 2)) "
            + "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
    }

    /// `nil` for what is no moment, such as MariaDB's `0000-00-00 00:00:00`. Fractions are dropped.
    static func unixMilliseconds(_ text: String) -> Int64? {
        let parts = text.split { "- T:.".contains($0) }.prefix(6).map { Int64($0) }
        guard parts.count >= 3, !parts.contains(nil) else { return nil }
        let numbers = parts.compactMap { $0 } + [0, 0, 0]
        guard (1...9999).contains(numbers[0]), (1...12).contains(numbers[1]),
            (1...31).contains(numbers[2]), (0...23).contains(numbers[3]),
            (0...59).contains(numbers[4]), (0...60).contains(numbers[5])
        else { return nil }
        let days = days(numbers[0], numbers[1], numbers[2])
        return ((days * 24 + numbers[3]) * 60 + numbers[4]) * 60_000 + numbers[5] * 1000
    }

    /// Days since 1970-01-01, the inverse of `CivilDate`: years begin in March there.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
