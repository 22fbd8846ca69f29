import TextKit

/// The occasions of a schedule in its time zone. A local time that daylight saving skips is the
/// first moment after the gap; one that comes twice is an occasion once.
public struct ScheduleTimes: Sendable, Hashable {
    public let cron: CronSchedule
    public let zone: TimeZoneRules

    public init(_ cron: CronSchedule, _ zone: TimeZoneRules) {
        self.cron = cron
        self.zone = zone
    }

    /// From one 29 February to the next across a year such as 2100, and a day.
    private static let searchedDays: Int64 = 8 * 366 + 1

    /// The first occasion later than the moment; `nil` if there is none within eight years.
    public func next(afterUnixMilliseconds moment: Int64) -> Int64? {
        let seconds = moment / 1000 - (moment % 1000 < 0 ? 1 : 0)
        // No local time up to this one is later than the moment: the clock may be set back, but
        // then the first of two moments counts.
        let local = seconds + Int64(zone.offset(atUnixSeconds: seconds))
        let today = CivilDay.floor(seconds: local)
        let minute = Int((local - today * 86_400) / 60)
        for day in today...today + Self.searchedDays
        where cron.matches(CivilDay.date(day), dayNumber: day) {
            let from = day == today ? minute + 1 : 0
            if let found = next(on: day, fromMinute: from, after: seconds) {
                return found * 1000
            }
        }
        return nil
    }

    private func next(on day: Int64, fromMinute first: Int, after seconds: Int64) -> Int64? {
        guard first < 1440 else { return nil }
        for hour in first / 60..<24 where cron.hours.hasBit(hour) {
            let minutes = hour == first / 60 ? first % 60 : 0
            for minute in minutes..<60 where cron.minutes.hasBit(minute) {
                let local = day * 86_400 + Int64(hour * 3600 + minute * 60)
                let moment = zone.unixSeconds(ofLocal: local)
                if moment > seconds { return moment }
            }
        }
        return nil
    }
}
