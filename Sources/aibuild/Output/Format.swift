import FoundationEssentials
import Glibc
import TextKit

/// Formats numbers and times for people.
enum Format {
    /// `1.2 GiB`.
    static func bytes(_ count: Int64?) -> String {
        count.map(ByteSize.text) ?? "-"
    }

    /// `45 s`, `12 min 3 s`, `2 h 5 min`, `3 d 4 h`; `-` for what is no duration.
    static func duration(_ seconds: Double) -> String {
        // Thirty years: the time since a date that is not known.
        guard seconds < 1e9 else { return "-" }
        let total = Int(max(0, seconds).rounded())
        let parts = [
            (total / 86400, "d"), (total / 3600 % 24, "h"), (total / 60 % 60, "min"),
            (total % 60, "s"),
        ]
        let shown = parts.drop { $0.0 == 0 }.prefix(2).filter { $0.0 > 0 }
        return shown.isEmpty ? "0 s" : shown.map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// An RFC 3339 time as `2025-11-21 10:15:07` of this machine; as it came if it is none.
    static func time(_ text: String?) -> String {
        guard let text else { return "-" }
        guard let date = Date(rfc3339: text) else { return text }
        guard date > firstDate else { return "-" }
        var seconds = time_t(date.timeIntervalSince1970)
        var local = tm()
        localtime_r(&seconds, &local)
        let day = [local.tm_year + 1900, local.tm_mon + 1, local.tm_mday]
        let clock = [local.tm_hour, local.tm_min, local.tm_sec]
        return day.map { $0.zeroPadded(2) }.joined(separator: "-") + " "
            + clock.map { $0.zeroPadded(2) }.joined(separator: ":")
    }

    /// The hour and minute of a time on this machine: `14:02`.
    static func clock(_ text: String) -> String {
        String(time(text).split(separator: " ").last?.prefix(5) ?? "")
    }

    /// Two times on this machine: `14:10–14:25`; with the day if that is not today, and with
    /// seconds if they are close together.
    static func range(_ from: String, _ to: String, now: Date = Date()) -> String {
        guard let first = Date(rfc3339: from), let last = Date(rfc3339: to) else { return "-" }
        let seconds = last.timeIntervalSince(first) < 120 && last.timeIntervalSince(now) < 600
        let today = time(now.formatted(.iso8601)).prefix(10)
        func part(_ text: String, after day: Substring) -> String {
            let shown = time(text)
            let clock = shown.dropFirst(11).prefix(seconds ? 8 : 5)
            return shown.prefix(10) == day ? String(clock) : "\(shown.prefix(10)) \(clock)"
        }
        let begin = part(from, after: today)
        let end = part(to, after: time(from).prefix(10))
        return begin.hasSuffix(end) ? begin : "\(begin)–\(end)"
    }

    /// Rows of an old database may lack their dates, and have the beginning of some calendar.
    private static let firstDate = Date(timeIntervalSince1970: 86_400)

    /// `3 min ago`; `-` if the time is not known.
    static func age(_ text: String?, now: Date = Date()) -> String {
        guard let text, let date = Date(rfc3339: text), date > firstDate else { return "-" }
        let seconds = now.timeIntervalSince(date)
        return seconds < 1 ? "now" : duration(seconds) + " ago"
    }

    /// `nil` if the time is not known.
    static func seconds(from start: String?, to end: Date = Date()) -> Double? {
        guard let start, let date = Date(rfc3339: start), date > firstDate else { return nil }
        return end.timeIntervalSince(date)
    }
}
