import HTTPTypes
import Testing

@testable import aibuild

@Suite("Notifications on the command line") struct NotificationCommandTests {
    private static let items =
        #"{"items":[{"name":"team-chat","type":"slack","on":["failed","still_failing"],"#
        + #""guestOSes":["*"],"environments":["*"],"waiting":0,"#
        + #""lastSentAt":"2026-11-30T02:11:28.113Z"},{"name":"on-call","type":"mail","#
        + #""on":["release_failed"],"guestOSes":["deb*","x"],"environments":["prod*"],"#
        + #""waiting":3,"problem":"away\u001b[2J","problemAt":"2026-11-30T02:11:28.113Z","#
        + #""nextTryAt":"2026-11-30T02:12:28.000Z"}]}"#

    @Test("The list says what each place is told, what waits, and why")
    func list() async throws {
        try await withCoordinator({ $0.say("GET", "/api/v1/notifications", Self.items) }) {
            let ran = await $0.run("notifications")
            #expect(ran.code == .ok)
            for words in [
                "failed, still failing ", "release failed of deb*, x to prod*", "; next try 2026-",
            ] {
                #expect(ran.out.contains(words), "\(ran.out)")
            }
            #expect(!ran.out.contains("\u{1B}[2J"))
        }
        try await withCoordinator({ $0.say("GET", "/api/v1/notifications", #"{"items":[]}"#) }) {
            #expect(await $0.run("notifications").out.contains("Nobody is told"))
        }
    }

    @Test("A test names its place in the path")
    func test() async throws {
        try await withCoordinator({
            $0.say("POST", "/api/v1/notifications/team-chat/test", #"{"place":"team-chat"}"#)
        }) {
            let ran = await $0.run("notifications", "test", "team-chat")
            #expect(ran.code == .ok && ran.out == "Sent a test message to team-chat\n")
            #expect(await $0.run("notifications", "test").code == .usage)
        }
    }
}
