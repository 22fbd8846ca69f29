import BuildProtocol
import CoordinatorCore
import Testing

/// What follows a failed try, and how tries are counted.
@Suite("Tries of releases") struct ReleaseRetryTests {
    private func release(
        _ state: ReleaseState = .running, attempts: Int, timeoutSeconds: Int? = nil
    ) -> Release {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0),
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
        let build = Build(
            id: "b1", guestOSID: "g1", guestOS: "debian12", number: 7, state: .passed, priority: 0,
            owner: "o", plan: plan, updateContents: "", submittedMilliseconds: 0)
        var release = Release(
            id: "r1", build: build, environment: "lab", state: state, requestedBy: "anna",
            timeoutSeconds: timeoutSeconds, createdMilliseconds: 0)
        release.attemptCount = attempts
        return release
    }

    private let away = ReleaseFault(.failed, "away")

    @Test("A fault that may pass is tried six times, with growing delays")
    func tries() {
        for (attempts, delay) in [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80)] {
            #expect(
                ReleaseRetry.judge(
                    release(attempts: attempts), away, isClean: false, nowMilliseconds: 100)
                    == .again(notBeforeMilliseconds: 100 + Int64(delay) * 1000))
        }
        let last = release(attempts: 6)
        #expect(
            ReleaseRetry.judge(last, away, isClean: true, nowMilliseconds: 0) == .end(.failed))
        #expect(
            ReleaseRetry.judge(last, away, isClean: false, nowMilliseconds: 0)
                == .cleanUp(.failed))
    }

    @Test("A try that its coordinator did not survive is not counted")
    func interruption() throws {
        var interrupted = ReleaseChange(
            release: "r1", from: [.running], attempt: 6, to: .queued, atMilliseconds: 5)
        interrupted.isInterruption = true
        guard case .changed(let after) = interrupted.effect(on: release(attempts: 6)) else {
            Issue.record("refused")
            return
        }
        #expect(after.tryCount == 5)
        #expect(after.currentTry.map { [$0.number, $0.limit] } == [6, 6])
    }

    @Test("Tries to clean up are counted by themselves")
    func cleanUpTries() throws {
        var change = ReleaseChange(
            release: "r1", from: [.running], attempt: 6, to: .queued, atMilliseconds: 5)
        change.ending = .failed
        guard case .changed(var cleaning) = change.effect(on: release(attempts: 6)) else {
            Issue.record("refused")
            return
        }
        #expect(cleaning.phase == .cleaningUp && cleaning.tryCount == 0)
        cleaning.attemptCount = 6 + ReleaseRetry.cleanUpTries - 1
        #expect(
            ReleaseRetry.judge(cleaning, away, isClean: false, nowMilliseconds: 0)
                != .end(.failed))
        cleaning.attemptCount += 1
        #expect(
            ReleaseRetry.judge(cleaning, away, isClean: false, nowMilliseconds: 0)
                == .end(.failed))
    }

    @Test("No try begins after the deadline, which is looked at in time")
    func deadline() {
        let short = release(attempts: 5, timeoutSeconds: 60)
        #expect(
            ReleaseRetry.judge(short, away, isClean: true, nowMilliseconds: 10_000)
                == .again(notBeforeMilliseconds: 60_000))
        let live = [short, release(.queued, attempts: 0)]
        let early = ReleaseQueue.overdue(live, nowMilliseconds: 59_999)
        #expect(early.ids.isEmpty && early.wakeMilliseconds == 60_000)
        let late = ReleaseQueue.overdue(live, nowMilliseconds: 60_000)
        #expect(late.ids == ["r1"] && late.wakeMilliseconds == nil)
        var cleaning = short
        cleaning.ending = .failed
        #expect(ReleaseQueue.overdue([cleaning], nowMilliseconds: .max).ids.isEmpty)
    }
}
