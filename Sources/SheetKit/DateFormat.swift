/// Spreadsheets keep dates as numbers of days that a format shows as dates.
enum DateFormat {
    /// Whether the built-in format of this number shows dates or times.
    static func isDate(builtIn id: Int) -> Bool {
        (14...22).contains(id) || (27...36).contains(id) || (45...47).contains(id)
            || (50...58).contains(id)
    }

    /// Whether a format code shows dates: it has one of `y m d h s` outside quotes, escapes and
    /// brackets; brackets hold colours and languages, and `[h]`.
    static func isDate(code: String) -> Bool {
        var isQuoted = false
        var isEscaped = false
        var bracket: String?
        for character in code.lowercased() {
            if isEscaped {
                isEscaped = false
            } else if isQuoted {
                isQuoted = character != "\""
            } else if let inner = bracket {
                guard character == "]" else {
                    bracket = inner + String(character)
                    continue
                }
                if !inner.isEmpty, inner.allSatisfy({ "hms".contains($0) }) { return true }
                bracket = nil
            } else {
                switch character {
                case "\"": isQuoted = true
                case "\\", "_", "*": isEscaped = true
                case "[": bracket = ""
                case "y", "m", "d", "h", "s": return true
                case "g": return false  // General
                default: continue
                }
            }
        }
        return false
    }

    /// The date that a number of days stands for; the number itself where it is none.
    static func cell(_ days: Double, is1904: Bool) -> Cell {
        // 9999-12-31 and before it; beyond, programs show the number too.
        guard days >= 0, days < 2_958_466 else { return .number(days) }
        let seconds = (days * 86_400).rounded()
        let day = Int(seconds / 86_400)
        let time = Int(seconds) - day * 86_400
        let clock = [time / 3600, time / 60 % 60, time % 60].map { pad($0, 2) }
            .joined(separator: ":")
        if day == 0, !is1904 { return .date(clock) }
        // 1900 is taken for a leap year, as the first spreadsheets did: day 60 does not exist.
        let sinceEpoch = is1904 ? day - 24_107 : day - (day < 60 ? 25_568 : 25_569)
        let date = civil(sinceEpoch)
        return .date(time == 0 ? date : date + " " + clock)
    }

    /// The proleptic Gregorian date of a number of days since 1970-01-01.
    private static func civil(_ days: Int) -> String {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return [pad(year, 4), pad(month < 10 ? month + 3 : month - 9, 2), pad(day, 2)]
            .joined(separator: "-")
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
