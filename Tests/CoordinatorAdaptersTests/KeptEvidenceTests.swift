import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import Support
import TestSupport
import Testing

/// What is kept of a guest beside its log, on a real disk.
@Suite struct KeptEvidenceTests {
    private let token = AttemptToken(high: 7, low: 9)

    @Test func evidenceIsKeptAndGoesWithTheLog() async throws {
        let folder = try TemporaryFolder()
        let logs = try FileLogStore(folder: folder.path + "/logs")
        #expect(try await logs.evidence(of: token) == nil)
        let png = [UInt8](repeating: 7, count: ProtocolLimits.screenshotBytes)
        for tail in ["first", "second \u{0}\u{1B}\u{2028}"] {
            let evidence = GuestEvidence(
                status: "paused", notes: ["n"], serialTail: tail, screenshotPNG: png)
            try await logs.keep(evidence, of: token)
            #expect(try await logs.evidence(of: token) == evidence)
        }
        // Another process sees it, and no part of a file is left.
        let again = try FileLogStore(folder: folder.path + "/logs")
        #expect(try await again.evidence(of: token)?.serialTail == "second \u{0}\u{1B}\u{2028}")
        #expect(
            try Files.list(folder.path + "/logs/00") == ["\(token).evidence.json"])
        #expect(try await logs.append(token, at: 0, Array("{}\n".utf8)) == 3)
        try await logs.reset(token)
        #expect(try Files.list(folder.path + "/logs/00").isEmpty)
        #expect(try await logs.evidence(of: token) == nil)
    }

    @Test func otherAttemptsHaveTheirOwn() async throws {
        let folder = try TemporaryFolder()
        let logs = try FileLogStore(folder: folder.path)
        try await logs.keep(GuestEvidence(serialTail: "mine"), of: token)
        #expect(try await logs.evidence(of: AttemptToken(high: 7, low: 10)) == nil)
    }
}
