import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Cancel requests at any time.
@Suite struct CancelTests {
    @Test("A queued build is cancelled at once")
    func cancelQueued() async throws {
        let farm = try await TestFarm(hosts: 0)
        try await farm.runBuild { coordinator, build in
            let ended = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            #expect(ended.state == .cancelled)
            #expect(ended.fault?.reason == "cancelled by anna")
            #expect(try await coordinator.leading().tracker.queue(limit: 9).isEmpty)
        }
    }

    @Test("A running build is cancelled by its host")
    func cancelRunning() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { coordinator, build in
            _ = try await farm.attempt(on: farm.agents[0])
            #expect(
                try await coordinator.leading().cancellation.cancel(build, by: "anna")
                    .cancelRequested)
            let ended = try await farm.wait(build, .cancelled, .failed, .passed)
            #expect(ended.state == .cancelled)
            #expect(ended.fault?.reason == "cancelled by anna")
            #expect(ended.endedMilliseconds != nil)
            try await eventually("nothing is left") { await farm.agents[0].tokens.isEmpty }
        }
    }

    @Test("A build whose host is unreachable is cancelled at once")
    func cancelWithoutHost() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { coordinator, build in
            _ = try await farm.attempt(on: farm.agents[0])
            await farm.agents[0].goAway()
            try await eventually("it is seen to be away") {
                try await coordinator.leading().hosts.snapshot("h0").state == "unreachable"
            }
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            try await farm.wait(build, .cancelled)
            await farm.agents[0].comeBack()
            try await eventually("what still runs is killed") {
                await farm.clock.advance(milliseconds: 1_000)
                return await farm.agents[0].tokens.isEmpty
            }
        }
    }

    @Test("A build is cancelled while its image is pulled")
    func cancelDuringPull() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.hold(true)
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .collecting)
            try await eventually("it is pulled") { farm.gateway.reads > 0 }
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            let ended = try await farm.wait(build, .cancelled, .passed)
            #expect(ended.state == .cancelled)
            #expect(await farm.webRoot.published.isEmpty)
        }
    }

    /// The image is in the web root already; its row is not written yet.
    @Test("A build is cancelled while its image is published")
    func cancelDuringPublication() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.webRoot.holdAnswers(true)
        try await farm.runBuild { coordinator, build in
            try await eventually("it is there") { await !farm.webRoot.published.isEmpty }
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            let ended = try await farm.wait(build, .cancelled, .passed)
            #expect(ended.state == .cancelled)
            #expect(await farm.webRoot.published.isEmpty, "no image without a row")
        }
    }

    /// A rename cannot be interrupted: the image is withdrawn after it, not before.
    @Test("A cancel request during the rename withdraws the image")
    func cancelDuringRename() async throws {
        let farm = try await TestFarm(hosts: 1)
        let gate = Flag()
        await farm.webRoot.holdPublish(until: gate)
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .publishing)
            await farm.clock.advance(milliseconds: 1)
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            await farm.clock.advance(milliseconds: 1)
            await gate.raise()
            try await farm.wait(build, .cancelled)
            await farm.clock.advance(milliseconds: 1)
            #expect(await farm.webRoot.published.isEmpty, "no image without a row")
        }
    }

    @Test("A build that waits for a retry is cancelled")
    func cancelBeforeRetry() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        try await farm.runBuild { coordinator, build in
            try await eventually("it failed once") {
                try await farm.store.build(id: build.id)?.fault != nil
            }
            #expect(
                try await coordinator.leading().cancellation.cancel(build, by: "anna").state
                    == .cancelled)
        }
    }

    @Test("A fault after the cancel request is not retried")
    func faultAfterCancel() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .silence }
        try await farm.runBuild { coordinator, build in
            let agent = farm.agents[0]
            try await eventually("start was said") {
                await agent.count { if case .start = $0 { true } else { false } } > 0
            }
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            let token = try #require(try await farm.store.build(id: build.id)?.attempt)
            await agent.send(
                .error(ErrorReport(code: .refused, message: "no room", attempt: token)))
            try await farm.wait(build, .cancelled, .queued)
            #expect(try await farm.store.build(id: build.id)?.state == .cancelled)
        }
    }

    @Test("A build that has ended cannot be cancelled")
    func cancelAfterEnd() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.runBuild { coordinator, build in
            let passed = try await farm.wait(build, .passed)
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().cancellation.cancel(passed, by: "anna")
            }
            #expect(try await farm.store.build(id: build.id)?.state == .passed)
        }
    }

    /// The request arrives at every point of the claim: in many runs it comes before, after, or
    /// between the steps. None may be lost.
    @Test("A cancel request counts at any moment of the claim")
    func cancelDuringClaim() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 50)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        try await farm.run { coordinator in
            for round in 0..<60 {
                let build = try await farm.submit(coordinator)
                for _ in 0..<(round % 12) { await Task.yield() }
                _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
                try await farm.wait(build, .cancelled)
            }
        }
    }

    @Test("A retry is a new build of the same plan")
    func retry() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .fail(Fault(.template, .packerFailed, "x")) }
        try await farm.runBuild { coordinator, build in
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().submission.retry(build, by: "anna")
            }
            let failed = try await farm.wait(build, .failed)
            await farm.agents[0].change { $0.plan = .pass([1]) }
            let again = try await coordinator.leading().submission.retry(failed, by: "anna")
            #expect(again.number == 2 && again.plan == build.plan)
            #expect(again.updateContents == "retry of debian:1")
            try await farm.wait(again, .passed)
        }
    }
}
