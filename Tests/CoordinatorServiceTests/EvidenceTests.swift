import BuildProtocol
import CoordinatorCore
import TestSupport
import Testing

/// The evidence of a guest is stored before the attempt's end is recorded, and is untrusted.
@Suite struct EvidenceTests {
    private let hung = Fault(.template, .guestHung, "the guest hangs")

    @Test("Evidence is bounded, and kept before the end is recorded")
    func evidenceIsStoredFirst() async throws {
        let farm = try await TestFarm(hosts: 1)
        var evidence = GuestEvidence(status: "running", serialTail: "the end")
        evidence.screenshot = "bm8gcGljdHVyZQ=="
        await farm.agents[0].change { [evidence, hung] in
            $0.evidence = evidence
            $0.plan = .hang
            _ = hung
        }
        try await farm.runBuild { _, build in
            let token = try await farm.attempt(on: farm.agents[0])
            try await eventually("the log is here") { await farm.logs.files[token] != nil }
            // The disk is full for a while: the end is not recorded without the evidence.
            let written = await farm.logs.files[token]?.count ?? 0
            await farm.agents[0].end(token, .fail(hung))
            try await eventually("the rest of the log is here") {
                await farm.logs.files[token]?.count ?? 0 > written
            }
            let failed = try await farm.wait(build, .failed, passing: 1_000)
            #expect(failed.fault?.code == .guestHung)
            let kept = try #require(await farm.logs.evidence(of: token))
            #expect(kept.serialTail == "the end")
            #expect(kept.screenshot == nil)
            #expect(kept.notes == ["the agent sent a screen that is not a PNG within the limits"])
        }
    }

    @Test("The end waits until the evidence can be kept")
    func evidenceIsRetried() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { [hung] in
            $0.evidence = GuestEvidence(serialTail: "the end")
            $0.plan = .fail(hung)
        }
        await farm.logs.failKeeping(3)
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed, passing: 1_000)
            let token = try #require(failed.attempt)
            #expect(await farm.logs.evidence(of: token)?.serialTail == "the end")
        }
    }
}
