import HTTPTypes
import Testing

@testable import aibuild

@Suite("Schedules on the command line") struct ScheduleCommandTests {
    private static let item =
        #"{"guestOS":"debian12","schedule":{"cron":"0 3 * * 1","timeZone":"Europe/Berlin","#
        + #""jitterSeconds":1800},"parents":["base"],"baseImage":{"everySeconds":21600},"#
        + #""maxAgeSeconds":604800,"nextRunAt":"2026-12-07T02:11:28.000Z","#
        + #""lastRun":{"at":"2026-11-30T02:11:28.113Z","cause":"schedule","outcome":"skipped","#
        + #""reason":"build debian12:7 is queued"},"problem":"odd"}"#

    @Test("The list has each trigger, the last run with its reason, and what is wrong")
    func list() async throws {
        let items = #"{"items":[\#(Self.item)],"next":"debian12"}"#
        try await withCoordinator({ $0.say("GET", "/api/v1/schedules", items) }) {
            let ran = await $0.run("schedules", "--limit", "1")
            #expect(ran.code == .ok)
            for words in [
                "schedule 0 3 * * 1 (Europe/Berlin), up to 30m later; parent base; base image "
                    + "looked at every 6h; max age 7d", "build debian12:7 is queued", "odd",
            ] {
                #expect(ran.out.contains(words), "\(ran.out)")
            }
            #expect($0.lines == ["GET /api/v1/schedules limit=1"])
        }
        try await withCoordinator({ $0.say("GET", "/api/v1/schedules", #"{"items":[]}"#) }) {
            #expect(await $0.run("schedules").out.contains("Nothing is built by time"))
        }
    }

    @Test("A guest OS is shown with its triggers")
    func show() async throws {
        let guestOS =
            #"{"name":"debian12","type":"linux","template":{"kind":"missing"},"triggers":"#
            + "\(Self.item)}"
        try await withCoordinator({ $0.say("GET", "/api/v1/guestos/debian12", guestOS) }) {
            let ran = await $0.run("guestos", "show", "debian12")
            for words in ["0 3 * * 1 (Europe/Berlin)", "next run", "skipped", "problem", "7d"] {
                #expect(ran.out.contains(words), "\(ran.out)")
            }
        }
    }
}
