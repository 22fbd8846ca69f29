import TextKit

/// The rule of a time zone for all years, as POSIX writes it in `TZ` and RFC 9636 at the end of a
/// file: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone: Sendable, Hashable {
    /// When a half of the year begins.
    struct Change: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// From 1; 29 February is never counted.
            case julian(Int)
            /// From 0; 29 February is counted.
            case ofYear(Int)
            /// The weekday of the week (5: the last one) of the month.
            case weekday(month: Int, week: Int, weekday: Int)
        }
        var day: Day
        /// Of local time; a week either way.
        var seconds: Int
    }

    /// Seconds east of Greenwich.
    var standard: Int
    var summer: (offset: Int, begins: Change, ends: Change)? {
        summerOffset.flatMap { offset in
            begins.flatMap { begins in ends.map { (offset, begins, $0) } }
        }
    }
    private var summerOffset: Int?
    private var begins: Change?
    private var ends: Change?

    /// Returns `nil` if the text is not such a rule.
    init?(_ text: String) {
        var reader = Reader(rest: text.utf8[...])
        guard text.utf8.count <= 256, reader.name(), let offset = reader.offset() else {
            return nil
        }
        standard = -offset
        if reader.rest.isEmpty { return }
        guard reader.name() else { return nil }
        var summer = standard + 3600
        if reader.rest.first != UInt8(ascii: ",") {
            guard let offset = reader.offset() else { return nil }
            summer = -offset
        }
        guard reader.take(","), let begins = reader.change(), reader.take(","),
            let ends = reader.change(), reader.rest.isEmpty
        else { return nil }
        summerOffset = summer
        self.begins = begins
        self.ends = ends
    }

    /// The changes of a year, by time, each with the offset that it begins.
    func changes(inYear year: Int) -> [(at: Int64, offset: Int)] {
        guard let summer else { return [] }
        let changes = [
            (Self.local(summer.begins, year) - Int64(standard), summer.offset),
            (Self.local(summer.ends, year) - Int64(summer.offset), standard),
        ]
        return changes.sorted { $0.0 < $1.0 }.map { (at: $0.0, offset: $0.1) }
    }

    private static func local(_ change: Change, _ year: Int) -> Int64 {
        let day: Int64 =
            switch change.day {
            case .julian(let number):
                number >= 60 && isLeap(year)
                    ? CivilDay.number(year, 1, 1) + Int64(number)
                    : CivilDay.number(year, 1, 1) + Int64(number - 1)
            case .ofYear(let number): CivilDay.number(year, 1, 1) + Int64(number)
            case .weekday(let month, let week, let weekday): day(year, month, week, weekday)
            }
        return day * 86_400 + Int64(change.seconds)
    }

    private static func day(_ year: Int, _ month: Int, _ week: Int, _ weekday: Int) -> Int64 {
        let first = CivilDay.number(year, month, 1)
        let next =
            month == 12 ? CivilDay.number(year + 1, 1, 1) : CivilDay.number(year, month + 1, 1)
        let ahead = (Int64(weekday) - CivilDay.weekday(first) + 7) % 7
        let day = first + ahead + Int64(week - 1) * 7
        return day < next ? day : day - 7
    }

    private static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private struct Reader {
        var rest: Substring.UTF8View

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// Skips an abbreviation: letters, or anything in angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[rest.index(after: end)...]
                return true
            }
            let name = rest.prefix { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
            rest = rest[name.endIndex...]
            return name.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest[digits.endIndex...]
            guard digits.count <= 3, let number = Int(Substring(digits)), range.contains(number)
            else { return nil }
            return number
        }

        /// `[+|-]hh[:mm[:ss]]`, in seconds.
        mutating func offset() -> Int? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = number(0...167) else { return nil }
            var seconds = hours * 3600
            for unit in [60, 1] where take(":") {
                guard let count = number(0...59) else { return nil }
                seconds += count * unit
            }
            return isNegative ? -seconds : seconds
        }

        mutating func change() -> Change? {
            guard let day = day() else { return nil }
            var seconds = 7200
            if take("/") {
                guard let time = offset() else { return nil }
                seconds = time
            }
            return Change(day: day, seconds: seconds)
        }

        private mutating func day() -> Change.Day? {
            if take("J") { return number(1...365).map(Change.Day.julian) }
            guard take("M") else { return number(0...365).map(Change.Day.ofYear) }
            guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            return .weekday(month: month, week: week, weekday: weekday)
        }
    }
}

/// Days since 1 January 1970.
enum CivilDay {
    /// - Parameters: of a date that exists.
    static func number(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        (CivilDate(year: year, month: month, day: day)?.unixMilliseconds ?? 0) / 86_400_000
    }

    static func date(_ number: Int64) -> CivilDate {
        CivilDate(unixMilliseconds: number * 86_400_000)
    }

    /// From 0, Sunday.
    static func weekday(_ number: Int64) -> Int64 { (number % 7 + 11) % 7 }

    static func floor(seconds: Int64) -> Int64 {
        seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0)
    }
}
