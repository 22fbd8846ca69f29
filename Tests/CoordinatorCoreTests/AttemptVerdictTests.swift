import BuildProtocol
import CoordinatorCore
import Testing

/// What follows the end of an attempt (invariants 7 and 8), as a table of values.
@Suite struct AttemptVerdictTests {
    private static let token = AttemptToken(high: 1, low: 1)
    private static let now: Int64 = 1_000_000
    private static let image = PublishedImage(
        name: "x.qcow2", path: "images/build/os/x.qcow2", url: "u", sizeBytes: 1, sha256: "s",
        format: .qcow2, virtualSizeBytes: nil, attempt: token)

    private static let template = Fault(.template, .packerFailed, "bad script")
    private static let host = Fault(.infrastructure, .diskFull, "full")
    private static let lost = Fault(.infrastructure, .hostLost, "gone")
    private static let cancelled = Fault(.cancelled, .cancelled, "cancelled by anna")

    private func build(
        _ stage: BuildStage, hasTests: Bool, hasImage: Bool? = nil, release: ReleasePlan? = nil
    ) -> Build {
        var build = Build(
            NewBuild(
                id: "b", guestOSID: "g", guestOS: "os", priority: 0, owner: "team",
                plan: BuildPlan(
                    template: TemplateArchive(sha256: "t", sizeBytes: 1),
                    recipe: BuildRecipe(builder: .command(["x"])), requirements: needs(),
                    limits: AttemptLimits(),
                    tests: hasTests ? ImageTests(requirements: needs()) : nil,
                    release: release),
                updateContents: "", submittedMilliseconds: 0), number: 1)
        build.stage = stage
        build.state = stage == .test ? .testing : .building
        build.attempt = Self.token
        build.host = "h"
        build.attemptCount = 1
        if hasImage ?? (stage == .test) { build.image = Self.image }
        return build
    }

    private func verdict(
        _ build: Build, _ fault: Fault?, history: [AttemptFault] = [], isUnwanted: Bool = false,
        published: Bool = true
    ) throws -> AttemptVerdict {
        var ids = 0
        return try #require(
            AttemptVerdict(
                build, AttemptEnd(outcome: Outcome(fault: fault)),
                image: fault == nil && published ? Self.image : nil, history: history,
                isUnwanted: isUnwanted, nowMilliseconds: Self.now,
                newID: {
                    ids += 1
                    return "r\(ids)"
                }))
    }

    /// One row: how an attempt ended, and what becomes of its build.
    struct Row: CustomTestStringConvertible {
        var name: String
        var stage = BuildStage.build
        var hasTests = false
        var fault: Fault?
        var isUnwanted = false
        var earlier = 0
        var to: BuildState
        var nextStage: BuildStage?
        var withdrawsImage = false
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "a build passed", to: .passed),
        Row(name: "a build passed and is tested", hasTests: true, to: .queued, nextStage: .test),
        Row(name: "a test passed", stage: .test, hasTests: true, to: .passed),
        Row(name: "a template fault", fault: template, to: .failed),
        Row(name: "a template fault after retries", fault: template, earlier: 3, to: .failed),
        Row(
            name: "a test failed", stage: .test, hasTests: true, fault: template, to: .failed,
            withdrawsImage: true),
        Row(name: "a host fault", fault: host, to: .queued),
        Row(name: "the last host fault", fault: host, earlier: 4, to: .failed),
        Row(name: "a host fault in a test", stage: .test, hasTests: true, fault: host, to: .queued),
        Row(
            name: "the last host fault in a test", stage: .test, hasTests: true, fault: host,
            earlier: 4, to: .failed),
        Row(name: "cancelled", fault: cancelled, to: .cancelled),
        Row(
            name: "cancelled in a test", stage: .test, hasTests: true, fault: cancelled,
            to: .cancelled, withdrawsImage: true),
        Row(
            name: "a host fault of an unwanted build", fault: host, isUnwanted: true,
            to: .cancelled),
        // The image still exists: the build is queued, and its cancellation withdraws the image.
        Row(
            name: "a host fault in the test of an unwanted build", stage: .test, hasTests: true,
            fault: host, isUnwanted: true, to: .queued),
        Row(
            name: "a template fault of an unwanted build", fault: template, isUnwanted: true,
            to: .cancelled),
        Row(name: "a pass of an unwanted build", isUnwanted: true, to: .passed),
    ]

    @Test("Each end of an attempt has one consequence for its build", arguments: rows)
    func consequences(_ row: Row) throws {
        let earlier = Array(
            repeating: AttemptFault(host: "other", fault: Self.host), count: row.earlier)
        let verdict = try verdict(
            build(row.stage, hasTests: row.hasTests), row.fault, history: earlier,
            isUnwanted: row.isUnwanted)
        #expect(verdict.change.to == row.to)
        #expect(verdict.change.stage == row.nextStage)
        #expect(verdict.change.withdrawsImage == row.withdrawsImage)
        #expect(verdict.change.owner == Self.token)
        #expect(
            verdict.change.from == [.building, .collecting, .publishing, .testing],
            "only an attempt that owns the build may end it")
        #expect(verdict.host == "h" && verdict.fault == row.fault)
        // Attempts are counted from zero in the next stage.
        let count = row.fault == nil ? (row.nextStage == nil ? row.earlier : 0) : row.earlier + 1
        #expect(verdict.history.count == count)
    }

    @Test("A build ends exactly once: the change of an ended build is refused", arguments: rows)
    func endsOnce(_ row: Row) throws {
        var build = build(row.stage, hasTests: row.hasTests)
        if row.fault == nil { build.state = .publishing }
        let verdict = try verdict(
            build, row.fault,
            history: Array(
                repeating: AttemptFault(host: "other", fault: Self.host), count: row.earlier),
            isUnwanted: row.isUnwanted)
        guard case .changed(let changed) = verdict.change.effect(on: build) else {
            Issue.record("the change was not taken")
            return
        }
        #expect(changed.state.isEnded || changed.state == .queued, "ended, or schedulable")
        var stale = try self.verdict(build, Self.template)
        stale.change.owner = AttemptToken(high: 9, low: 9)
        #expect(stale.change.effect(on: changed) == .refused)
        if changed.state.isEnded {
            var later = try self.verdict(build, Self.host).change
            later.atMilliseconds += 1
            #expect(later.effect(on: changed) == .refused)
        }
    }

    @Test("A retry waits longer after each infrastructure fault")
    func delaysGrow() throws {
        var before: Int64 = 0
        for earlier in 0..<4 {
            let verdict = try verdict(
                build(.build, hasTests: false), Self.host,
                history: Array(
                    repeating: AttemptFault(host: "other", fault: Self.host), count: earlier))
            let notBefore = try #require(verdict.change.notBeforeMilliseconds)
            #expect(notBefore - Self.now > before)
            before = notBefore - Self.now
        }
    }

    @Test("A build without retries ends with its first fault of a host")
    func noRetries() throws {
        var once = build(.build, hasTests: false)
        once.plan.retries = 0
        let change = try verdict(once, Self.host).change
        #expect(change.to == .failed)
        #expect(change.fault?.reason == "gave up after 1 attempt; last: full")
    }

    @Test("A build that took three hosts down is stopped")
    func poison() throws {
        let history = ["a", "b"].map { AttemptFault(host: $0, fault: Self.lost) }
        let verdict = try verdict(build(.build, hasTests: false), Self.lost, history: history)
        #expect(verdict.change.to == .failed)
        #expect(verdict.change.fault?.code == .poison)
    }

    @Test("The end of a test without a result says where its image is kept")
    func imageStays() throws {
        let history = Array(repeating: AttemptFault(host: "o", fault: Self.host), count: 4)
        let verdict = try verdict(build(.test, hasTests: true), Self.host, history: history)
        let reason = try #require(verdict.change.fault?.reason)
        #expect(reason.hasSuffix("could not be tested and is kept at images/build/os/x.qcow2"))
    }

    @Test(
        "Releases are queued with the pass, and wait for approval if the plan says so",
        arguments: [
            (ReleasePlan.When.automatic, ReleaseState.queued),
            (ReleasePlan.When.manual, ReleaseState.awaitingApproval),
        ])
    func releases(when: ReleasePlan.When, state: ReleaseState) throws {
        let plan = ReleasePlan(to: ["lab", "prod"], when: when)
        let passed = try verdict(build(.build, hasTests: false, release: plan), nil)
        #expect(passed.change.releases.map(\.environment) == ["lab", "prod"])
        #expect(passed.change.releases.map(\.id) == ["r1", "r2"])
        #expect(passed.change.releases.allSatisfy { $0.state == state && $0.build == "b" })
        let untested = try verdict(build(.build, hasTests: true, release: plan), nil)
        #expect(untested.change.releases.isEmpty, "only once the tests passed")
        let failed = try verdict(build(.build, hasTests: false, release: plan), Self.template)
        #expect(failed.change.releases.isEmpty)
        var unpublished = build(.build, hasTests: false, release: plan)
        unpublished.plan.publishes = false
        #expect(try verdict(unpublished, nil).change.releases.isEmpty)
    }

    @Test("A pass without the artifacts that were to be collected is a fault of the host")
    func artifactsAreGone() throws {
        var build = build(.build, hasTests: false)
        #expect(try verdict(build, nil, published: false).change.to == .passed)
        for state in [BuildState.collecting, .publishing] {
            build.state = state
            let verdict = try verdict(build, nil, published: false)
            #expect(verdict.change.to == .queued)
            #expect(verdict.fault?.class == .infrastructure)
            #expect(verdict.change.end?.outcome.fault == verdict.fault)
        }
    }

    @Test("A build without an attempt has no verdict")
    func noAttempt() {
        var build = build(.build, hasTests: false)
        build.attempt = nil
        #expect(
            AttemptVerdict(
                build, AttemptEnd(outcome: Outcome()), image: nil, history: [], isUnwanted: false,
                nowMilliseconds: 0, newID: { "" }) == nil)
    }
}
