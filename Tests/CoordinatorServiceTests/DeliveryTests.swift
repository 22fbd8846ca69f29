import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Tags, other branches, merge requests, and deliveries whose repository cannot be reached.
@Suite(.timeLimit(.minutes(1))) struct DeliveryTests {
    private func withFarm(
        _ triggers: (inout ImageTriggers) -> Void,
        _ body: (TestFarm, Coordinator) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        var wanted = ImageTriggers()
        triggers(&wanted)
        farm.templates.set(wanted)
        farm.templates.release(ReleasePlan(to: ["lab"]))
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            try await body(farm, coordinator)
        }
    }

    private func report(
        _ change: GitReport.Change, _ ref: String, _ commit: String,
        _ request: GitReport.MergeRequest? = nil
    ) -> GitReport {
        GitReport(
            change, project: "aibuild/a_tpl", ref: ref, commit: commit, defaultBranch: "main",
            mergeRequest: request)
    }

    private func request(
        _ number: Int = 7, isForeign: Bool = false
    ) -> GitReport.MergeRequest {
        GitReport.MergeRequest(
            number: number, title: "t", isForeign: isForeign,
            fetchedRef: "refs/merge-requests/\(number)/head")
    }

    private func build(_ farm: TestFarm, _ number: Int) async throws -> Build {
        try #require(try await farm.store.build(guestOS: "a", number: number))
    }

    @Test("A tag that the template names is built, published and released; others are not")
    func tags() async throws {
        try await withFarm {
            $0.tags = ["v*"]
            $0.publish = .tags
        } _: { farm, coordinator in
            farm.templates.commit("aaa", at: "refs/tags/v1")
            let tagged = try await farm.deliver(report(.tag, "v1", "fff"), coordinator)
            #expect(tagged.builds == ["a:1"])
            let build = try await build(farm, 1)
            #expect(build.plan.isPublished && build.plan.release != nil)
            #expect(build.plan.commit == "aaa" && build.updateContents == "tag v1")
            let other = try await farm.deliver(report(.tag, "x1", "fff"), coordinator)
            #expect(other.outcome == "aibuild.yml of a names no tag like x1")
            // A push of the same image is for tests alone.
            let pushed = try await farm.deliver(report(.push, "main", "c0ffee"), coordinator)
            #expect(pushed.builds == ["a:2"])
            let plan = try await self.build(farm, 2).plan
            #expect(!plan.isPublished && plan.release == nil)
        }
    }

    @Test("Another branch is built if the template names it, and never published")
    func branches() async throws {
        try await withFarm {
            $0.push = false
            $0.branches = ["release/*"]
        } _: { farm, coordinator in
            farm.templates.commit("bbb", at: "refs/heads/release/2")
            let branch = try await farm.deliver(
                report(.push, "release/2", "bbb"), coordinator)
            #expect(branch.builds == ["a:1"])
            let plan = try await build(farm, 1).plan
            #expect(plan.commit == "bbb" && !plan.isPublished && plan.release == nil)
            let own = try await farm.deliver(report(.push, "main", "c0ffee"), coordinator)
            #expect(own.outcome == "aibuild.yml wants no builds of a by pushes")
            let other = try await farm.deliver(report(.push, "next", "c"), coordinator)
            #expect(other.outcome == "a is built from main, not from next")
        }
    }

    @Test("A newer push cancels the queued build of the same branch, if the template says so")
    func supersede() async throws {
        for supersedes in [true, false] {
            try await withFarm {
                $0.supersede = supersedes
                $0.branches = ["next"]
            } _: { farm, coordinator in
                _ = try await farm.deliver(report(.push, "next", "b"), coordinator)
                for commit in ["c1", "c2"] {
                    farm.templates.commit(commit)
                    _ = try await farm.deliver(report(.push, "main", commit), coordinator)
                }
                let states = [
                    try await build(farm, 1).state, try await build(farm, 2).state,
                    try await build(farm, 3).state,
                ]
                #expect(states == [.queued, supersedes ? .cancelled : .queued, .queued])
                if supersedes {
                    #expect(try await build(farm, 2).fault?.reason == "superseded by a:3")
                }
            }
        }
    }

    @Test("A merge request is built and not published, its newer commit replaces the older")
    func mergeRequests() async throws {
        try await withFarm {
            $0.mergeRequests = true
        } _: { farm, coordinator in
            for (number, commit) in ["d1", "d2"].enumerated() {
                farm.templates.commit(commit, at: "refs/merge-requests/7/head")
                let ended = try await farm.deliver(
                    report(.mergeRequest, "main", commit, request()), coordinator)
                #expect(ended.builds == ["a:\(number + 1)"])
            }
            #expect(try await build(farm, 1).state == .cancelled)
            let second = try await build(farm, 2)
            #expect(!second.plan.isPublished && second.plan.release == nil)
            #expect(second.plan.origin?.number == 7 && second.plan.origin?.isForeign == false)
            #expect(second.plan.mayUseSecrets)
            #expect(second.updateContents == "merge request 7 to main: d2")
            // It stands for no commit of the branch.
            let pushed = try await farm.deliver(report(.push, "main", "c0ffee"), coordinator)
            #expect(pushed.builds == ["a:3"])
            let closed = try await farm.deliver(
                report(.mergeRequestClosed, "main", "d2", request()), coordinator)
            #expect(closed.state == .handled && closed.outcome == "cancelled build a:2")
            #expect(try await build(farm, 2).state == .cancelled)
            #expect(try await build(farm, 3).state == .queued)
            let other = try await farm.deliver(
                report(.mergeRequest, "next", "e", request(8)), coordinator)
            #expect(other.outcome == "a is built from main, not from next")
        }
    }

    @Test("A merge request of a fork waits for an approval, which is for that commit alone")
    func forks() async throws {
        try await withFarm {
            $0.mergeRequests = true
        } _: { farm, coordinator in
            farm.templates.commit("d1", at: "refs/merge-requests/7/head")
            let change = report(.mergeRequest, "main", "d1", request(isForeign: true))
            let waits = try await farm.deliver(change, coordinator)
            #expect(waits.state == .awaitingApproval && waits.builds.isEmpty)
            let deliveries = try coordinator.leading().deliveryRequests
            let approved = try await deliveries.approve(waits, by: "anna")
            let built = try await farm.handled(approved)
            #expect(built.builds == ["a:1"] && built.approvedBy == "anna")
            let plan = try await build(farm, 1).plan
            #expect(plan.origin?.isForeign == true && !plan.mayUseSecrets)
            await #expect(throws: Refusal.self) {
                _ = try await deliveries.approve(built, by: "anna")
            }
            let later = try await farm.deliver(change, coordinator)
            farm.templates.commit("d2", at: "refs/merge-requests/7/head")
            let moved = try await farm.handled(try await deliveries.approve(later, by: "anna"))
            #expect(moved.outcome == "the merge request has newer commits than d1")
        }
    }

    @Test("A newer commit, or the end, of a fork's merge request ends what waits for approval")
    func forgottenForks() async throws {
        try await withFarm {
            $0.mergeRequests = true
        } _: { farm, coordinator in
            let fork = request(isForeign: true)
            let first = try await farm.deliver(
                report(.mergeRequest, "main", "d1", fork), coordinator)
            let second = try await farm.deliver(
                report(.mergeRequest, "main", "d2", fork), coordinator)
            #expect(try await farm.store.delivery(id: first.id)?.state == .ignored)
            #expect(second.state == .awaitingApproval)
            _ = try await farm.deliver(
                report(.mergeRequestClosed, "main", "d2", fork), coordinator)
            let ended = try #require(try await farm.store.delivery(id: second.id))
            #expect(ended.state == .ignored && ended.outcome.contains("same merge request"))
        }
    }

    @Test("A merge request that is closed while its opening waits for another try is not built")
    func closedWhileWaiting() async throws {
        try await withFarm {
            $0.mergeRequests = true
        } _: { farm, coordinator in
            farm.templates.commit("d1", at: "refs/merge-requests/7/head")
            farm.templates.fail(TemplateFault(.unavailable, "cannot fetch"))
            let opening = try await farm.receive(
                report(.mergeRequest, "main", "d1", request()))
            try coordinator.leading().deliveries.wake()
            try await eventually("the first try failed") {
                try await farm.store.delivery(id: opening.id)?.tries == 1
            }
            farm.templates.fail(nil)
            let closed = try await farm.deliver(
                report(.mergeRequestClosed, "main", "d1", request()), coordinator)
            let ended = try #require(try await farm.store.delivery(id: opening.id))
            #expect(ended.state == .ignored)
            #expect(
                ended.outcome == "delivery \(closed.id) is of the same merge request, and newer")
            await farm.clock.advance(milliseconds: 3_600_000)
            #expect(try await farm.store.build(guestOS: "a", number: 1) == nil)
        }
    }

    @Test("A commit whose build was cancelled is built again when it is reported again")
    func cancelledCommit() async throws {
        try await withFarm {
            $0.mergeRequests = true
        } _: { farm, coordinator in
            farm.templates.commit("d1", at: "refs/merge-requests/7/head")
            let opened = report(.mergeRequest, "main", "d1", request())
            _ = try await farm.deliver(opened, coordinator)
            _ = try await farm.deliver(
                report(.mergeRequestClosed, "main", "d1", request()), coordinator)
            #expect(try await build(farm, 1).state == .cancelled)
            let again = try await farm.deliver(opened, coordinator)
            #expect(again.builds == ["a:2"])
        }
    }

    @Test("A full queue does not end a push: it is tried again")
    func fullQueue() async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        var ports = farm.ports
        ports.limits.queuedBuilds = 1
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        _ = try await coordinator.leading().guestOSes.register(
            GuestOSForm(name: "a", type: .linux), by: "anna")
        let blocker = try await farm.submit(coordinator)
        let stored = try await farm.receive(report(.push, "main", "c0ffee"))
        try coordinator.leading().deliveries.wake()
        let waits = try await eventually("the first try failed") {
            let now = try await farm.store.delivery(id: stored.id)
            return now?.tries == 1 ? now : nil
        }
        #expect(waits.state == .queued && waits.outcome.contains("the queue is full"))
        _ = try await coordinator.leading().cancellation.cancel(blocker, by: "anna")
        try await eventually("the push is built") {
            await farm.clock.advance(milliseconds: 5_000)
            return try await farm.store.delivery(id: stored.id)?.builds == ["a:1"]
        }
        await coordinator.stop()
    }

    @Test("What an interrupted try of the same delivery submitted counts as its own")
    func interrupted() async throws {
        try await withFarm {
            $0.supersede = true
        } _: { farm, coordinator in
            _ = try await farm.deliver(report(.push, "main", "c0ffee"), coordinator)
            farm.templates.commit("c1")
            let second = try await farm.deliver(report(.push, "main", "c1"), coordinator)
            #expect(second.builds == ["a:2"])
            var again = second
            again.state = .queued
            again.builds = []
            let isReset = try await farm.leader.update(again, from: [.handled])
            #expect(isReset)
            try coordinator.leading().deliveries.wake()
            let ended = try await farm.handled(again)
            #expect(ended.builds == ["a:2"] && ended.state == .handled)
        }
    }

    @Test("Merge requests are not built unless the template says so")
    func unwanted() async throws {
        try await withFarm { _ in
        } _: { farm, coordinator in
            let ended = try await farm.deliver(
                report(.mergeRequest, "main", "d1", request(isForeign: true)), coordinator)
            #expect(ended.outcome == "aibuild.yml wants no builds of a by merge requests")
        }
    }

    @Test("A repository that cannot be reached is tried again, and given up with advice")
    func unreachable() async throws {
        try await withFarm { _ in
        } _: { farm, coordinator in
            farm.templates.fail(TemplateFault(.unavailable, "cannot fetch"))
            let stored = try await farm.receive(report(.push, "main", "c0ffee"))
            try coordinator.leading().deliveries.wake()
            let waits = try await eventually("the first try failed") {
                let now = try await farm.store.delivery(id: stored.id)
                return now?.tries == 1 ? now : nil
            }
            #expect(waits.state == .queued && waits.outcome == "cannot fetch")
            farm.templates.fail(nil)
            let ended = try await eventually("the second try") {
                await farm.clock.advance(milliseconds: 5_000)
                let now = try await farm.store.delivery(id: stored.id)
                return now?.state == .handled ? now : nil
            }
            #expect(ended.builds == ["a:1"])
            farm.templates.fail(TemplateFault(.unavailable, "cannot fetch"))
            let lost = try await farm.receive(report(.push, "main", "c1"))
            let failed = try await eventually("it is given up") {
                await farm.clock.advance(milliseconds: 30 * 60_000)
                let now = try await farm.store.delivery(id: lost.id)
                return now?.state == .failed ? now : nil
            }
            #expect(failed.tries == 10)
            #expect(failed.outcome.contains("aibuild deliveries replay \(lost.id)"))
            farm.templates.fail(nil)
            farm.templates.commit("c1")
            let replayed = try await coordinator.leading().deliveryRequests.replay(
                failed, by: "anna")
            let handled = try await farm.handled(replayed)
            #expect(handled.builds == ["a:2"] && handled.repeats == lost.id)
        }
    }

    @Test("What was stored while nobody led is handled by the next leader")
    func restart() async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
        }
        let stored = try await farm.receive(report(.push, "main", "c0ffee"))
        try await farm.run { _ in
            let ended = try await farm.handled(stored)
            #expect(ended.builds == ["a:1"])
        }
        // As if the coordinator had ended between the build and the record of the outcome.
        var again = stored
        again.state = .queued
        let isReset = try await farm.leader.update(again, from: [.handled])
        #expect(isReset)
        try await farm.run { _ in
            let ended = try await farm.handled(stored)
            #expect(ended.builds == ["a:1"] && ended.state == .handled)
        }
    }
}
