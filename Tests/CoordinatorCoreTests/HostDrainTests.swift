import BuildProtocol
@testable import CoordinatorCore
import Testing

/// What the scheduler does with drained hosts, and how it explains them.
@Suite("Drained hosts") struct HostDrainTests {
    private func drained(_ name: String, tags: Set<String> = [], note: String = "") -> HostView {
        var view = host(name, tags: tags, .drained)
        view.report?.runsTests = true
        view.finishesTests = true
        view.drainNote = note
        return view
    }

    private func ready(_ name: String, tests: Bool = true) -> HostView {
        var view = host(name)
        view.report?.runsTests = tests
        return view
    }

    private func test(begunOn host: String?) -> QueuedBuild {
        var build = queued("t")
        build.stage = .test
        build.begunOn = host
        return build
    }

    private func summary(_ world: World, _ id: String = "q") -> [String]? {
        world.waiting(id).map { [$0.summary, $0.remedy] }
    }

    @Test("A drained host tests what was begun there, if no other host can")
    func finishesTests() {
        let start = ["t@a"]
        #expect(world([drained("a")], [test(begunOn: "a")]).starts == start)
        #expect(
            world([drained("a"), drained("b")], [test(begunOn: "a")]).starts == start)
        #expect(
            world([drained("a"), ready("b", tests: false)], [test(begunOn: "a")]).starts == start)
    }

    @Test("A drained host takes nothing else")
    func takesNothingElse() {
        for build in [test(begunOn: "b"), test(begunOn: nil), queued("t")] {
            #expect(world([drained("a")], [build]).starts.isEmpty)
        }
        var over = drained("a")
        over.finishesTests = false
        #expect(world([over], [test(begunOn: "a")]).starts.isEmpty, "its deadline has passed")
        #expect(
            world([drained("a"), ready("b")], [test(begunOn: "a")]).starts
                == ["t@b"])
    }

    /// "Raise concurrency" was the advice while both hosts were drained.
    @Test("That all hosts are drained is the first reason of a wait")
    func drainedComesFirst() {
        let busy = [runs("r1", on: "a"), runs("r2", on: nil)]
        let waits = queued("q", concurrency: 2)
        let resume = "resume one: aibuild host resume a"
        #expect(
            summary(world([drained("a"), drained("b")], [waits], running: busy))
                == ["both hosts are drained", resume])
        #expect(
            summary(world([drained("a", note: "new disks")], [waits], running: busy))
                == ["host a is drained: new disks", resume])
        let three = ["a", "b", "c"].map { drained($0) }
        #expect(
            summary(world(three, [queued("q", notBefore: 900)]))
                == ["all 3 hosts are drained", resume])
        let tagged = [drained("a", tags: ["win"]), ready("b")]
        #expect(
            summary(world(tagged, [queued("q", needs(tags: ["win"]))]))
                == ["the only host that can take it, a is drained", resume])
    }

    @Test("Hosts that are away come before limits, too")
    func awayComesFirst() {
        let hosts = [drained("a"), host("b", .away("connection refused"))]
        let busy = [runs("r1", on: "a")]
        #expect(
            summary(world(hosts, [queued("q", concurrency: 1)], running: busy))
                == [
                    "no host is ready: a is drained, b connection refused",
                    "run: aibuild host list",
                ])
    }

    @Test("A plan names what is finished and what only this host can take")
    func plan() {
        let win = needs(tags: ["win"])
        var farm = world(
            [host("a", tags: ["win"]), ready("b")],
            [
                queued("q1", win, at: 2), queued("q2", at: 1),
                queued("q3", win, at: 1, notBefore: 9),
            ],
            running: [runs("r1", on: "a", win)])
        let plan = DrainPlan(farm, host: "a", running: [queued("r1", win), queued("r2")])
        #expect(plan.finishes.map(\.build) == ["r1", "r2"])
        #expect(plan.finishes.map(\.hasOtherHost) == [false, true])
        #expect(plan.strands.map(\.build) == ["q3", "q1"])
        farm.farm = Farm([host("a", tags: ["win"]), drained("b")])
        #expect(
            DrainPlan(farm, host: "a", running: []).strands.map(\.build) == ["q2", "q3", "q1"],
            "another drained host takes nothing")
        #expect(DrainPlan(farm, host: "none", running: []).strands.isEmpty)
    }
}
