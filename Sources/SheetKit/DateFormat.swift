import TextKit

/// Spreadsheets store dates as numbers of days, with a format that shows them as dates.
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

    /// The date for a number of days, or the number itself if it is out of range.
    static func cell(_ days: Double, is1904: Bool) -> Cell {
        // Up to 9999-12-31; beyond it, spreadsheet programs show the number too.
        guard days >= 0, days < 2_958_466 else { return .number(days) }
        let seconds = Int64((days * 86_400).rounded())
        let day = seconds / 86_400
        // 1900 counts as a leap year, as in the first spreadsheets: day 60 does not exist.
        let firstDay: Int64 = is1904 ? 24_107 : day < 60 ? 25_568 : 25_569
        let time = UTCTime(unixMilliseconds: (seconds - firstDay * 86_400) * 1000)
        if day == 0, !is1904 { return .date(time.clock) }
        return .date(seconds.isMultiple(of: 86_400) ? time.date.iso : time.text)
    }
}
