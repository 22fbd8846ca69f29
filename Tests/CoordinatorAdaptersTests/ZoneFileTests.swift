import CoordinatorAdapters
import CoordinatorCore
import ProcessKit
import Support
import TestSupport
import Testing

/// The time zones of this machine.
@Suite struct ZoneFileTests {
    @Test(
        "Offsets are those of the system, from 1970 to 2090",
        arguments: [
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
            "Africa/Casablanca", "America/Santiago", "Europe/Dublin", "Asia/Gaza",
            "Pacific/Apia", "America/Nuuk", "Etc/GMT+3",
        ])
    func offsets(name: String) async throws {
        let zone = try ZoneFiles().rules(of: name)
        var seeded = SeededGenerator(seed: 7)
        // Each some days after the last one, at any second.
        var times: [Int64] = []
        var time: Int64 = 0
        while time < 3_786_912_000 {
            times.append(time)
            time += Int64(seeded.below(1_000_000))
        }
        let text = times.map { "@\($0)" }.joined(separator: "\n") + "\n"
        let output = try await Command(
            ["date", "-f", "-", "+%s %z"],
            environment: Command.minimalEnvironment.merging(["TZ": name]) { $1 }
        ).run(stdin: Array(text.utf8), timeoutSeconds: 300)
        let lines = String(decoding: output.stdout, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == times.count)
        for (time, line) in zip(times, lines) {
            let digits = line.split(separator: " ").last ?? ""
            let number = Int(digits) ?? 0
            // The system writes minutes only; no zone had seconds since 1972.
            guard time > 70_000_000 else { continue }
            let expected = (number / 100 * 60 + number % 100) * 60
            try #require(zone.offset(atUnixSeconds: time) == expected, "\(name) at \(time)")
        }
    }

    @Test("A zone that is unknown, or no zone, is refused with a sentence")
    func unknown() {
        for name in ["Europe/Nowhere", "../../etc/passwd", "zone.tab", "Europe", "tzdata.zi"] {
            let error = #expect(throws: Failure.self) { try ZoneFiles().rules(of: name) }
            #expect(error?.description.contains("time zone") == true, "\(name)")
        }
    }
}
