import BuildProtocol
import CoordinatorCore
import Testing

/// What an environment has of a guest OS, and what would replace it by something older.
@Suite("Order of releases") struct ReleaseSequenceTests {
    private static func release(
        _ number: Int, _ action: Release.Action = .release, state: ReleaseState = .released,
        endedAt end: Int64 = 0
    ) -> Release {
        let build = Build(
            id: "b\(number)", guestOSID: "g", guestOS: "debian", number: number, state: .passed,
            priority: 0, owner: "team",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "t", sizeBytes: 1),
                recipe: BuildRecipe(builder: .command(["x"])), requirements: needs(),
                limits: AttemptLimits()),
            updateContents: "", submittedMilliseconds: 0)
        var release = Release(
            id: "\(action)-\(number)-\(end)", action: action, build: build, environment: "lab",
            state: state, requestedBy: "aibuild.yml", createdMilliseconds: 0)
        release.endedMilliseconds = state.isEnded ? end : nil
        return release
    }

    @Test("What an environment has is what was released last, older or not")
    func present() {
        let list = [Self.release(8, endedAt: 1), Self.release(5, endedAt: 2)]
        #expect(ReleaseSequence.present(list)?.buildNumber == 5)
        #expect(ReleaseSequence.present([Release]()) == nil)
    }

    @Test("After a rollback, an environment has what was there before, or nothing")
    func rolledBack() {
        let undone = Self.release(8, state: .rolledBack, endedAt: 2)
        let back = [Self.release(7, endedAt: 1), undone, Self.release(7, .rollback, endedAt: 3)]
        #expect(ReleaseSequence.present(back)?.buildNumber == 7)
        #expect(ReleaseSequence.present([undone, Self.release(8, .rollback, endedAt: 3)]) == nil)
    }

    @Test("An older image is out of order unless a person asked for it by name")
    func outOfOrder() {
        let newer = Self.release(8)
        var older = Self.release(7, state: .awaitingApproval)
        #expect(ReleaseSequence.isOutOfOrder(older, after: newer))
        older.approvedBy = "anna"
        #expect(ReleaseSequence.isOutOfOrder(older, after: newer), "agreeing is not asking")
        older.requestedBy = "anna"
        #expect(!ReleaseSequence.isOutOfOrder(older, after: newer))
        #expect(!ReleaseSequence.isOutOfOrder(Self.release(9, state: .queued), after: newer))
        let rollback = Self.release(7, .rollback, state: .queued)
        #expect(!ReleaseSequence.isOutOfOrder(rollback, after: newer))
    }

    @Test("Only a newer release that may still succeed is on its way")
    func newer() {
        let old = Self.release(7, state: .awaitingApproval)
        var running = Self.release(8, state: .running)
        let waiting = Self.release(9, state: .awaitingApproval)
        #expect(ReleaseSequence.newer(than: old, in: [old, waiting]) == nil)
        #expect(ReleaseSequence.newer(than: old, in: [old, running, waiting])?.buildNumber == 8)
        running.ending = .failed
        #expect(ReleaseSequence.newer(than: old, in: [running]) == nil)
    }
}
