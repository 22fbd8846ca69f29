import BuildProtocol
import CoordinatorCore
import Testing

@testable import CoordinatorService

@Suite("The journal of releases") struct ReleaseJournalTests {
    private func release(
        _ state: ReleaseState, _ change: (inout Release) -> Void = { _ in }
    ) -> Release {
        let build = Build(
            id: "b1", guestOSID: "g", guestOS: "debian12", number: 7, state: .passed, priority: 0,
            owner: "ops",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0),
                recipe: BuildRecipe(builder: .packer(template: "t.json")),
                requirements: Requirements(), limits: AttemptLimits()),
            updateContents: "", submittedMilliseconds: 0)
        var release = Release(
            id: "r1", build: build, environment: "lab", state: state, requestedBy: "anna",
            createdMilliseconds: 0)
        release.startedMilliseconds = 1_000
        release.attemptCount = 3
        change(&release)
        return release
    }

    private let away = RecordedFault(ReleaseFault(.failed, "cannot reach\u{1B}[31m the cloud\nx"))

    @Test("Each step of a release's life that people ask about is a line, and no other")
    func life() {
        let line = ReleaseJournal.line
        let queued = release(.queued) { $0.attemptCount = 0 }
        let running = release(.running)
        #expect(line(nil, queued) == "debian12:7@lab is queued: 'anna', id r1")
        #expect(
            line(nil, release(.awaitingApproval))
                == "debian12:7@lab waits for approval: 'anna', id r1")
        let approved = release(.queued) { $0.approvedBy = "boris" }
        #expect(
            line(release(.awaitingApproval), approved) == "debian12:7@lab is approved by 'boris'")
        #expect(line(queued, running) == "debian12:7@lab starts try 3 of 6")
        #expect(line(running, release(.running) { $0.journal = ["a": "b"] }) == nil)
        let retrying = release(.queued) {
            $0.fault = away
            $0.notBeforeMilliseconds = 1_764_424_920_000
        }
        #expect(
            line(running, retrying)
                == "debian12:7@lab ended try 3 of 6: cannot reach\\u{1b}[31m the cloud; next at "
                + "2025-11-29 14:02:00 UTC")
        let released = release(.released) { $0.endedMilliseconds = 41_900 }
        #expect(line(running, released) == "debian12:7@lab is released after 40 s")
        #expect(
            line(released, release(.rolledBack)) == "debian12:7@lab is rolled back")
        #expect(line(nil, released) == nil, "it was told when it ended")
    }

    @Test("Cleaning up is told apart from failing, and what is left is named")
    func cleaningUp() {
        let line = ReleaseJournal.line
        let cleans = release(.queued) {
            $0.fault = away
            $0.ending = .failed
            $0.uncountedAttempts = 3
        }
        #expect(
            line(release(.running), cleans)
                == "debian12:7@lab will end as failed, and takes back what it began: cannot "
                + "reach\\u{1b}[31m the cloud")
        let runs = release(.running) {
            $0.ending = .failed
            $0.attemptCount = 4
            $0.uncountedAttempts = 3
        }
        #expect(line(cleans, runs) == "debian12:7@lab starts cleaning up, try 1 of 8")
        let left = release(.cancelled) {
            $0.endedMilliseconds = 3_000
            $0.leftBehind = ["image 5a3d"]
            $0.abandonedBy = "anna"
        }
        #expect(
            line(runs, left)
                == "debian12:7@lab is cancelled after 2 s; left there: image 5a3d; abandoned by "
                + "'anna'")
    }
}
