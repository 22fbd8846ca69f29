import BuildProtocol
import CoordinatorCore
import Support
import Testing

@testable import CoordinatorService

@Suite struct BuildJournalTests {
    private func build(_ state: BuildState, _ change: (inout Build) -> Void = { _ in }) -> Build {
        var build = Build(
            id: "b1", guestOSID: "g", guestOS: "debian12", number: 7, state: state, priority: 0,
            owner: "ops",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0),
                recipe: BuildRecipe(builder: .packer(template: "t.json")),
                requirements: Requirements(), limits: AttemptLimits()),
            updateContents: "push of abc to main", submittedMilliseconds: 0)
        build.startedMilliseconds = 1_000
        build.host = "kvm1"
        build.attemptCount = 2
        build.attempt = AttemptToken(high: 0, low: 1)
        change(&build)
        return build
    }

    @Test("Each step of a build's life that people ask about is a line, and no other")
    func life() {
        let queued = build(.queued) { $0.host = nil }
        #expect(
            BuildJournal.line(nil, queued)
                == "debian12:7 is queued: 'ops' (push of abc to main), id b1")
        let token = "00000000000000000000000000000001"
        #expect(
            BuildJournal.line(queued, build(.building))
                == "debian12:7 starts on kvm1: build, attempt 2 (\(token))")
        #expect(BuildJournal.line(build(.building), build(.building)) == nil)
        #expect(BuildJournal.line(build(.building), build(.collecting)) == nil)
        let lost = build(.queued) {
            $0.fault = Fault(.infrastructure, .hostLost, "no word for 60 s\nmore")
        }
        #expect(
            BuildJournal.line(build(.building), lost)
                == "debian12:7 is queued again after attempt 2 on kvm1: no word for 60 s "
                + "[host.lost]")
        let tested = build(.queued) { $0.stage = .test }
        #expect(
            BuildJournal.line(build(.publishing), tested)
                == "debian12:7 is built, and queued for its tests")
        let tests = build(.testing) { $0.stage = .test }
        #expect(
            BuildJournal.line(tested, tests)
                == "debian12:7 starts on kvm1: test, attempt 2 (\(token))")
        let failed = build(.failed) {
            $0.endedMilliseconds = 51_500
            $0.fault = Fault(.template, .packerFailed, "provisioner 2 failed: \u{1B}[31mE: no")
        }
        #expect(
            BuildJournal.line(build(.building), failed)
                == "debian12:7 failed after 50 s on kvm1: provisioner 2 failed: \\u{1b}[31mE: no "
                + "[packer.failed]")
    }

    @Test("Of lines that repeat three are written in ten minutes, and the rest is counted")
    func repeatedLines() {
        var line = RepeatedLine()
        let written = (0..<100).compactMap { line.text("lost", atMilliseconds: $0 * 1_000) }
        #expect(written == ["lost", "lost", "lost"])
        #expect(
            line.text("lost", atMilliseconds: 600_000) == "lost (97 more such lines were left out)")
        #expect(line.text("lost", atMilliseconds: 1_200_000) == "lost")
    }
}
