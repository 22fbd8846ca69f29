import FoundationEssentials
import Testing
import TextKit

@Suite struct TimeTests {
    /// Counts the days independently: year by year from 1970.
    @Test("Every day of five hundred years is the right date, and leads back to its time")
    func everyDay() {
        var day: Int64 = 0
        for year in 1970...2470 {
            let leap =
                year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
            for (month, days) in [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                .enumerated()
            {
                for dayOfMonth in 1...days {
                    let date = CivilDate(unixMilliseconds: day * 86_400_000 + 43_200_000)
                    guard date == CivilDate(year: year, month: month + 1, day: dayOfMonth),
                        date.unixMilliseconds == day * 86_400_000
                    else {
                        Issue.record("\(date) is \(year)-\(month + 1)-\(dayOfMonth)")
                        return
                    }
                    day += 1
                }
            }
        }
    }

    @Test(
        "Known timestamps have their known dates",
        arguments: [
            (0, "19700101"), (86_399_999, "19700101"), (86_400_000, "19700102"), (-1, "19691231"),
            (-86_400_000, "19691231"), (-86_400_001, "19691230"),
            (951_782_400_000, "20000229"), (951_868_800_000, "20000301"),
            (1_709_164_800_000, "20240229"), (4_107_542_400_000, "21000301"),
            (1_763_718_000_000, "20251121"), (-62_135_596_800_000, "00010101"),
            (253_402_300_799_999, "99991231"),
        ] as [(Int64, String)])
    func knownMoments(milliseconds: Int64, text: String) {
        #expect(CivilDate(unixMilliseconds: milliseconds).compact == text)
    }

    @Test("No number of milliseconds traps", arguments: [Int64.min, .min + 1, -1, 0, .max])
    func extremes(milliseconds: Int64) {
        let time = UTCTime(unixMilliseconds: milliseconds)
        #expect(time.rfc3339Milliseconds.hasSuffix("Z"))
    }

    @Test(
        "No date has a year of five digits, or a month or day that no year has",
        arguments: [
            (0, 1, 1), (10_000, 1, 1), (2000, 0, 1), (2000, 13, 1), (2000, 1, 0), (2000, 1, 32),
        ])
    func noDate(year: Int, month: Int, day: Int) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }

    @Test("Times are written in UTC, and read with a fraction or without")
    func times() {
        let time = UTCTime(unixMilliseconds: 1_763_720_107_005)
        #expect(time.clock == "10:15:07")
        #expect(time.text == "2025-11-21 10:15:07")
        #expect(time.rfc3339 == "2025-11-21T10:15:07Z")
        #expect(time.rfc3339Milliseconds == "2025-11-21T10:15:07.005Z")
        #expect(UTCTime(unixMilliseconds: -1).rfc3339Milliseconds == "1969-12-31T23:59:59.999Z")
        #expect(Date(rfc3339: time.rfc3339)?.timeIntervalSince1970 == 1_763_720_107)
        #expect(Date(rfc3339: "2025-11-21T10:15:07.5Z")?.timeIntervalSince1970 == 1_763_720_107.5)
        for bad in ["", "2025-11-21", "yesterday", "2025-11-21 10:15:07"] {
            #expect(Date(rfc3339: bad) == nil, "\(bad)")
        }
    }
}
