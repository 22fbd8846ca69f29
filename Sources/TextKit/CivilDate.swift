/// A day of the proleptic Gregorian calendar, by arithmetic alone, so that the Core needs no
/// calendar and no time zone files. Internally, years begin on 1 March, so that the leap day is the
/// last.
public struct CivilDate: Sendable, Hashable {
    public let year: Int
    public let month: Int
    public let day: Int

    private static let dayMilliseconds: Int64 = 86_400_000
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBeforeUnix: Int64 = 719_468
    private static let daysPerEra: Int64 = 146_097

    /// The day in UTC.
    public init(unixMilliseconds: Int64) {
        let days =
            unixMilliseconds / Self.dayMilliseconds
            - (unixMilliseconds % Self.dayMilliseconds < 0 ? 1 : 0)
        let shifted = days + Self.daysBeforeUnix
        let era = (shifted >= 0 ? shifted : shifted - Self.daysPerEra + 1) / Self.daysPerEra
        let dayOfEra = shifted - era * Self.daysPerEra
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    /// Returns `nil` for years other than 1 to 9999, and for months and days that no year has.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else {
            return nil
        }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Midnight in UTC. A day that the month lacks counts into the next month.
    public var unixMilliseconds: Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = Int64((153 * ((month + 9) % 12) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era * Self.daysPerEra + dayOfEra - Self.daysBeforeUnix) * Self.dayMilliseconds
    }

    /// `yyyymmdd`
    public var compact: String { text(separator: "") }

    /// `yyyy-mm-dd`
    public var iso: String { text(separator: "-") }

    private func text(separator: String) -> String {
        [year.zeroPadded(4), month.zeroPadded(2), day.zeroPadded(2)].joined(separator: separator)
    }
}
