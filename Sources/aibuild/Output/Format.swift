import FoundationEssentials
import Glibc

/// Numbers and times as people read them.
enum Format {
    /// `1.2 GiB`.
    static func bytes(_ count: Int64?) -> String {
        guard let count else { return "-" }
        var value = Double(count)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        while value >= 1024 && unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(unit == 0 || value >= 100 ? decimal(value, 0) : decimal(value, 1)) \(units[unit])"
    }

    /// `45 s`, `12 min 3 s`, `2 h 5 min`, `3 d 4 h`.
    static func duration(_ seconds: Double) -> String {
        let total = Int(max(0, min(seconds, 1e9)).rounded())
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
        guard let date = parse(text) else { return text }
        var seconds = time_t(date.timeIntervalSince1970)
        var local = tm()
        localtime_r(&seconds, &local)
        return "\(local.tm_year + 1900)-\(two(local.tm_mon + 1))-\(two(local.tm_mday)) "
            + "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec))"
    }

    /// `3 min ago`.
    static func age(_ text: String?, now: Date = Date()) -> String {
        guard let text, let date = parse(text) else { return "-" }
        let seconds = now.timeIntervalSince(date)
        return seconds < 1 ? "now" : duration(seconds) + " ago"
    }

    static func seconds(from start: String?, to end: Date = Date()) -> Double? {
        start.flatMap(parse).map { end.timeIntervalSince($0) }
    }

    static func parse(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle()))
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        let scaled = Int((value * (digits == 0 ? 1 : 10)).rounded())
        return digits == 0 ? "\(scaled)" : "\(scaled / 10).\(scaled % 10)"
    }
}
