import HTTPTypes
import Testing

@testable import aibuild

@Suite("host add") struct HostAddTests {
    private static let line = ["host", "add", "kvm1", "--address", "u@h"]

    private func add(
        _ more: [String] = [], answers: [String] = []
    ) async throws -> (ran: Ran, asked: [String], body: String?) {
        let coordinator = try FakeCoordinator { router in
            router.say(
                "POST", "/api/v1/hosts/scan",
                #"{"address":"u@h:22","hostKey":"ssh-ed25519 AAAA","fingerprint":"SHA256:abc"}"#)
            router.say("POST", "/api/v1/hosts", "{}", status: 201)
        }
        let ran = await runCLI(Self.line + more, url: coordinator.url, answers: answers)
        await coordinator.stop()
        return (ran, coordinator.lines, coordinator.bodies.last)
    }

    private static let scanned = ["POST /api/v1/hosts/scan"]
    private static let added = scanned + ["POST /api/v1/hosts"]

    @Test("A host is added only after the user confirms its key") func asksForConfirmation()
        async throws
    {
        for answer in ["yes", "y", "YES"] {
            let (ran, asked, body) = try await add(answers: [answer])
            #expect(ran.code == .ok)
            #expect(ran.err.contains("ssh-ed25519 key\n  SHA256:abc\n"))
            #expect(asked == Self.added)
            #expect(body?.contains(#""hostKey":"ssh-ed25519 AAAA""#) == true)
        }
        for answer in ["no", "", "yep"] {
            let (ran, asked, _) = try await add(answers: [answer])
            #expect(ran.code == .refused)
            #expect(asked == Self.scanned)
        }
    }

    @Test("--fingerprint replaces the prompt and must match") func takesAFingerprint() async throws
    {
        #expect(try await add(["--fingerprint", "SHA256:abc"]).asked == Self.added)
        let (ran, asked, _) = try await add(["--fingerprint", "SHA256:abcd"], answers: ["yes"])
        #expect(ran.code == .refused)
        #expect(ran.err.contains("has the key SHA256:abc, not SHA256:abcd"))
        #expect(asked == Self.scanned)
    }

    @Test("Without a terminal and without --fingerprint nothing is added") func needsATerminal()
        async throws
    {
        let (ran, asked, _) = try await add()
        #expect(ran.code == .usage)
        #expect(ran.err.contains("--fingerprint SHA256:abc"))
        #expect(asked == Self.scanned)
    }
}
