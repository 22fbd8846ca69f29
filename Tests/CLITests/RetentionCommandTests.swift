import HTTPTypes
import Testing

@testable import aibuild

@Suite("Retention on the command line") struct RetentionCommandTests {
    private static let report =
        #"{"items":[{"guestOS":"debian12","state":"passed","reason":"r","number":1,"#
        + #""freesBytes":1024}],"beginsAt":"2026-11-30T10:00:00.000Z"}"#

    @Test("A dry run takes a policy, and says when the configured one begins")
    func dryRun() async throws {
        try await withCoordinator({ $0.say("GET", "/api/v1/retention", Self.report) }) {
            let ran = await $0.run(
                "retention", "--dry-run", "--good-images", "5", "--failed-days", "3",
                "--minimum-free", "2GiB")
            #expect(ran.code == .ok && ran.out.contains("debian12:1"))
            #expect(ran.out.contains("To let it begin now: aibuild retention enable\n"))
            #expect(
                $0.lines == [
                    "GET /api/v1/retention good_images=5 failed_days=3 minimum_free=2147483648"
                ])
        }
    }

    @Test("A policy is not carried out from the command line")
    func needsDryRun() async throws {
        for words in [
            ["--good-images", "5"], ["--dry-run", "--good-images", "many"],
            ["--dry-run", "--minimum-free", "2"],
        ] {
            let ran = await runCLI(["retention"] + words)
            #expect(ran.code == .usage, "\(words)")
        }
    }

    @Test("A pending policy is enabled")
    func enable() async throws {
        try await withCoordinator({ $0.say("POST", "/api/v1/retention/enable", Self.report) }) {
            let ran = await $0.run("retention", "enable")
            #expect(ran.code == .ok && ran.out.contains("removes image and logs of 1 build\n"))
        }
    }
}
