import FoundationEssentials
import Testing
import TextKit

@testable import aibuild

@Suite("Estimated times") struct RangeTests {
    private static let build =
        #"{"id":"b1","guestOS":"debian12","number":7,"state":"queued","submittedAt":"#
        + #""2026-11-30T14:00:00.000Z","end":{"from":"2026-11-30T14:30:00.000Z","#
        + #""to":"2026-11-30T14:45:30.000Z","basis":{"builds":1,"of":"arch"}}"#
    private static let waiting =
        #"{"position":1,"summary":"no host has room now","hosts":[],"remedy":"wait","#
        + #""etaSeconds":900,"start":{"from":"2026-11-30T14:10:10.000Z","#
        + #""to":"2026-11-30T14:25:00.000Z","basis":{"builds":31,"of":"debian12 on kvm7"}}}"#

    /// The time zone of the machine may differ by half hours.
    @Test("show and queue print a range of time and the builds that it is from")
    func ranges() async throws {
        try await withCoordinator({
            $0.say(
                "GET", "/api/v1/builds/{id}",
                Self.build + #","attempts":[],"artifacts":[],"waiting":\#(Self.waiting)}"#)
            $0.say(
                "GET", "/api/v1/queue",
                #"{"items":[{"build":\#(Self.build)},"waiting":\#(Self.waiting)}]}"#)
            $0.say(
                "GET", "/api/v1/hosts/{name}/drain",
                #"{"finishes":[{"guestOS":"arch","stage":"build","number":1,"hasOtherHost":true}],"#
                    + #""strands":[],"endReason":"no build of arch has passed yet"}"#)
        }) { coordinator in
            let show = await coordinator.run("show", "debian12:7").out
            #expect(
                show.contains(
                    #/starts +.*:[14]0–[0-9]+:[25]5, from 31 builds of debian12 on kvm7\n/#),
                "\(show)")
            #expect(
                show.contains(#/expected end +.*[0-9]:[03]0–[0-9]+:[14]5, from 1 build of arch\n/#))
            let queue = await coordinator.run("queue").out
            #expect(
                queue.contains(#/:[14]0–[0-9]+:[25]5 +31 builds of debian12 on kvm7 /#), "\(queue)")
            let drain = await coordinator.run("host", "drain", "kvm1", "--dry-run").out
            #expect(
                drain.hasSuffix("Expected to be empty: unknown: no build of arch has passed yet\n"))
        }
    }

    @Test("Times that are close together have seconds, and other days their date")
    func formats() throws {
        let now = try #require(Date(rfc3339: "2026-11-30T14:00:00Z"))
        func range(_ from: String, _ to: String) -> String { Format.range(from, to, now: now) }
        #expect(
            range("2026-11-30T14:00:05.000Z", "2026-11-30T14:00:41.000Z")
                .contains(#/^[0-9]+:[03]0:05–[0-9]+:[03]0:41$/#))
        #expect(
            range("2026-11-30T14:10:00.000Z", "2026-11-30T14:10:30.000Z")
                .contains(#/^[0-9]+:[14]0$/#), "one minute")
        #expect(
            range("2026-12-09T14:10:00.000Z", "2026-12-12T14:10:00.000Z")
                .contains(#/^2026-12-.. [0-9:]+–2026-12-.. [0-9:]+$/#))
        #expect(range("x", "y") == "-")
    }
}
