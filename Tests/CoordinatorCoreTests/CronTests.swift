import CoordinatorCore
import Testing
import TextKit

/// Cron schedules, and when they come in time zones that change their clocks.
@Suite struct CronTests {
    static func time(_ text: String) -> Int64 {
        let numbers = text.split { "-T: ".contains($0) }.compactMap { Int($0) }
        let date = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2])
        let seconds = numbers[3] * 3600 + numbers[4] * 60
        return (date?.unixMilliseconds ?? 0) + Int64(seconds) * 1000
    }

    private static func text(_ time: Int64?) -> String {
        time.map { String(UTCTime(unixMilliseconds: $0).text.dropLast(3)) } ?? "never"
    }

    /// The next times in UTC, each after the one before.
    private func next(
        _ cron: String, _ zone: TimeZoneRules = .utc, after: String, count: Int = 1
    ) throws -> [String] {
        let times = ScheduleTimes(try CronSchedule(cron), zone)
        var at: Int64? = Self.time(after)
        return (0..<count).map { _ in
            at = at.flatMap { times.next(afterUnixMilliseconds: $0) }
            return Self.text(at)
        }
    }

    @Test(
        "A schedule comes when its fields say",
        arguments: [
            ("0 3 * * 1", "2026-11-30 03:00", "2026-12-07 03:00"),
            ("0 3 * * mon", "2026-11-30 02:59", "2026-11-30 03:00"),
            ("*/20 * * * *", "2026-11-30 02:59", "2026-11-30 03:00"),
            ("5-59/20 4 * * *", "2026-11-30 04:25", "2026-11-30 04:45"),
            ("0 0 31 * *", "2026-11-30 00:00", "2026-12-31 00:00"),
            ("0 0 1 jan,JUL *", "2026-11-30 00:00", "2027-01-01 00:00"),
            ("0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00"),
            ("0 0 13 * 5", "2026-11-30 00:00", "2026-12-04 00:00"),
            ("0 0 13 * 5", "2026-12-11 00:00", "2026-12-13 00:00"),
            ("0 0 */2 * 5", "2026-12-01 00:00", "2026-12-11 00:00"),
            ("0 0 * * sat-sun", "2026-11-30 00:00", "2026-12-05 00:00"),
            ("0 0 * * 7", "2026-11-30 00:00", "2026-12-06 00:00"),
            ("0 0 * * 5-7", "2026-12-05 00:00", "2026-12-06 00:00"),
            ("@hourly", "2026-12-31 23:00", "2027-01-01 00:00"),
            ("@daily", "2026-11-30 00:00", "2026-12-01 00:00"),
            ("@weekly", "2026-11-30 00:00", "2026-12-06 00:00"),
            ("@monthly", "2026-11-30 00:00", "2026-12-01 00:00"),
        ])
    func fields(cron: String, after: String, expected: String) throws {
        #expect(try next(cron, after: after) == [expected])
    }

    @Test(
        "A schedule that is wrong, or never comes, is refused with what is wrong",
        arguments: [
            ("0 0 30 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
            ("0 3 * *", "has 4 fields"), ("60 * * * *", "is no minute"),
            ("* 24 * * *", "is no hour"), ("* * 0 * *", "day of the month"),
            ("* * * 13 *", "is no month"), ("* * * foo *", "jan, feb"), ("* * * * 8", "day of the"),
            ("5-1 * * * *", "ends before it begins"), ("5/10 * * * *", "needs * or a range"),
            ("*/0 * * * *", "a step is"), ("1,,2 * * * *", "expected a number"),
            ("+1 * * * *", "expected a number"), ("@reboot", "use @hourly"),
            ("", "has 0 fields"), (String(repeating: "1", count: 600), "longer than"),
        ])
    func wrong(cron: String, expected: String) {
        let error = #expect(throws: Failure.self) { try CronSchedule(cron) }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
    }

    @Test(
        "A time that the clock skips comes at the first moment after the gap",
        arguments: [
            (
                "30 2 * * *", Zones.berlin, "2026-03-28 12:00", "2026-03-29 01:00",
                "2026-03-30 00:30"
            ),
            (
                "*/15 2 * * *", Zones.berlin, "2026-03-28 12:00", "2026-03-29 01:00",
                "2026-03-30 00:00"
            ),
            (
                "30 2 * * *", Zones.newYork, "2026-03-07 12:00", "2026-03-08 07:00",
                "2026-03-09 06:30"
            ),
            (
                "15 2 * * *", Zones.lordHowe, "2026-10-03 12:00", "2026-10-03 15:30",
                "2026-10-04 15:15"
            ),
            (
                "30 2 * * *", Zones.berlin, "2040-03-24 12:00", "2040-03-25 01:00",
                "2040-03-26 00:30"
            ),
        ])
    func gaps(
        cron: String, zone: TimeZoneRules, after: String, first: String, second: String
    ) throws {
        #expect(try next(cron, zone, after: after, count: 2) == [first, second])
    }

    @Test(
        "A time that comes twice is an occasion once",
        arguments: [
            (
                "30 2 * * *", Zones.berlin, "2026-10-24 12:00", "2026-10-25 00:30",
                "2026-10-26 01:30"
            ),
            (
                "30 1 * * *", Zones.newYork, "2026-10-31 12:00", "2026-11-01 05:30",
                "2026-11-02 06:30"
            ),
            (
                "45 1 * * *", Zones.lordHowe, "2026-04-04 12:00", "2026-04-04 14:45",
                "2026-04-05 15:15"
            ),
            (
                "0 12 * * *", Zones.kolkata, "2026-03-28 12:00", "2026-03-29 06:30",
                "2026-03-30 06:30"
            ),
        ])
    func overlaps(
        cron: String, zone: TimeZoneRules, after: String, first: String, second: String
    ) throws {
        #expect(try next(cron, zone, after: after, count: 2) == [first, second])
    }

    @Test(
        "From every moment of a change of the clock, the next time is that of a slow search",
        arguments: [Zones.berlin, Zones.newYork, Zones.lordHowe, Zones.kolkata])
    func slowSearch(zone: TimeZoneRules) throws {
        var random = Mixed(seed: 20_261_130)
        for beginning in [
            "2026-03-07 20:00", "2026-03-28 20:00", "2026-04-04 10:00",
            "2026-10-03 10:00", "2026-10-24 20:00", "2026-10-31 20:00",
        ] {
            for _ in 0..<12 {
                let cron = random.cron()
                let times = ScheduleTimes(try CronSchedule(cron), zone)
                let start = Self.time(beginning) / 60_000
                let slow = Self.slow(times, from: start, minutes: 36 * 60)
                var at = start * 60_000
                for expected in slow {
                    let found = times.next(afterUnixMilliseconds: at)
                    try #require(
                        found == expected * 60_000,
                        "\(cron) in \(zone.name) after \(Self.text(at))")
                    at = expected * 60_000
                }
            }
        }
    }

    /// Looks at each minute: a local time counts when it comes first, or was skipped just before.
    private static func slow(_ times: ScheduleTimes, from: Int64, minutes: Int64) -> [Int64] {
        func local(_ minute: Int64) -> Int64 {
            minute + Int64(times.zone.offset(atUnixSeconds: minute * 60)) / 60
        }
        let utc = ScheduleTimes(times.cron, .utc)
        func matches(_ minute: Int64) -> Bool {
            utc.next(afterUnixMilliseconds: (minute - 1) * 60_000) == minute * 60_000
        }
        var newest = (from - 180...from).map(local).max() ?? 0
        var found: [Int64] = []
        for minute in from + 1...from + minutes where local(minute) > newest {
            if (newest + 1...local(minute)).contains(where: matches) { found.append(minute) }
            newest = local(minute)
        }
        return found
    }

    /// SplitMix64.
    private struct Mixed: RandomNumberGenerator {
        var seed: UInt64

        mutating func next() -> UInt64 {
            seed &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (seed ^ seed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }

        mutating func cron() -> String {
            let minute = ["0", "30", "*/15", "7,37", "*", "59"].randomElement(using: &self) ?? "0"
            let hour = ["1", "2", "3", "*", "1-3", "*/2", "0"].randomElement(using: &self) ?? "0"
            let day = ["*", "*", "8", "29", "1-15"].randomElement(using: &self) ?? "*"
            let weekday = ["*", "*", "0", "mon"].randomElement(using: &self) ?? "*"
            return "\(minute) \(hour) \(day) * \(weekday)"
        }
    }

    @Test("The delay of a guest OS is the same each time, within its bound, and spread")
    func jitter() {
        let schedule = TriggerPlan.Schedule(cron: "0 3 * * *", jitterSeconds: 1800)
        let delays = (0..<500).map { schedule.delayMilliseconds(ofGuestOS: "guest-\($0)") }
        #expect(delays == (0..<500).map { schedule.delayMilliseconds(ofGuestOS: "guest-\($0)") })
        #expect(delays.allSatisfy { (0...1_800_000).contains($0) })
        // Of 500 in 30 minutes, some 17 a minute.
        let busiest = Dictionary(grouping: delays) { $0 / 60_000 }.values.map(\.count).max()
        #expect(busiest.map { $0 < 40 } == true)
        #expect(
            TriggerPlan.Schedule(cron: "0 3 * * *").delayMilliseconds(ofGuestOS: "guest-1") == 0)
    }

    @Test(
        "A name that is no zone's is refused",
        arguments: [
            "", "/etc/passwd", "../x", "Europe/../x", "Europe/", "a/b/c/d", "Europe/Ber lin",
            "Europe/Berlin\0", ".", String(repeating: "a", count: 65),
        ])
    func names(name: String) { #expect(TimeZoneRules.problem(ofName: name) != nil) }

    @Test("A damaged file of a zone is refused, however it is cut or changed")
    func damagedFiles() {
        let file = Zones.file("CET-1CEST,M3.5.0,M10.5.0/3", 3600)
        for count in 0..<file.count {
            #expect(throws: Failure.self) {
                try TimeZoneRules(name: "x", file: Array(file.prefix(count)))
            }
        }
        for index in file.indices {
            for byte: UInt8 in [0, 1, 0x7F, 0xFF] {
                var changed = file
                changed[index] = byte
                // It may still be a zone; nothing traps.
                let zone = try? TimeZoneRules(name: "x", file: changed)
                _ = zone?.offset(atUnixSeconds: 1_790_000_000)
            }
        }
        for rule in [
            "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,J0,J1", "C-1", "<-1",
        ] {
            #expect(throws: Failure.self) {
                try TimeZoneRules(name: "x", file: Zones.file(rule, 0))
            }
        }
    }
}
