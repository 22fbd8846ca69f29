import TextKit

/// Times in header fields (RFC 9110 section 5.6.7), in seconds since 1970.
public enum HTTPDate {
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    private static let daySeconds: Int64 = 86_400

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    public static func text(_ unixSeconds: Int64) -> String {
        let time = UTCTime(unixMilliseconds: unixSeconds * 1000)
        let day = unixSeconds / daySeconds - (unixSeconds % daySeconds < 0 ? 1 : 0)
        // 1970-01-01 was a Thursday.
        let name = days[Int((day % 7 + 10) % 7)]
        let date = time.date
        return "\(name), \(date.day.zeroPadded(2)) \(months[date.month - 1]) "
            + "\(date.year.zeroPadded(4)) \(time.clock) GMT"
    }

    /// Reads the current format and both obsolete ones. `nil` for anything else.
    public static func parse(_ text: String) -> Int64? {
        if let m = text.wholeMatch(of: #/[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (.{8}) GMT/#)
        {
            return seconds(m.1, m.2, Int(m.3), m.4)
        }
        if let m = text.wholeMatch(
            of: #/[A-Z][a-z]{5,8}, (\d\d)-([A-Z][a-z]{2})-(\d\d) (.{8}) GMT/#)
        {
            // Two digits: nobody has a file from before 1970, or from after 2069.
            return seconds(m.1, m.2, Int(m.3).map { $0 + ($0 < 70 ? 2000 : 1900) }, m.4)
        }
        if let m = text.wholeMatch(of: #/[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (.{8}) (\d{4})/#) {
            return seconds(m.2.drop { $0 == " " }, m.1, Int(m.4), m.3)
        }
        return nil
    }

    private static func seconds(
        _ day: Substring, _ month: Substring, _ year: Int?, _ clock: Substring
    ) -> Int64? {
        guard let time = clock.wholeMatch(of: #/([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)/#),
            let hour = Int64(time.1), let minute = Int64(time.2), let second = Int64(time.3),
            let month = months.firstIndex(of: String(month)), let day = Int(day), let year,
            let date = CivilDate(year: year, month: month + 1, day: day)
        else { return nil }
        return date.unixMilliseconds / 1000 + hour * 3600 + minute * 60 + second
    }
}
