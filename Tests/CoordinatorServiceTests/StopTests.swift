import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// A coordinator that is asked to stop: what must not be interrupted is finished, the rest is left
/// to the next one.
@Suite struct StopTests {
    private func published(_ farm: TestFarm) async -> Int { await farm.webRoot.published.count }

    @Test("A stop finishes and records a publication in progress")
    func publicationIsFinished() async throws {
        let farm = try await TestFarm(hosts: 1)
        let gate = Flag()
        await farm.webRoot.holdPublish(until: gate)
        let coordinator = try await farm.coordinator()
        let build = try await farm.submit(coordinator)
        try await farm.wait(build, .publishing)
        async let stopped: Void = coordinator.stop()
        try await eventually("the sessions with hosts are closed first") {
            await !farm.agents[0].hasSession()
        }
        #expect(try await farm.store.build(id: build.id)?.state == .publishing)
        await gate.raise()
        await stopped
        #expect(try await farm.store.build(id: build.id)?.state == .passed)
        #expect(await published(farm) == 1)
        // The next one tells the agent to forget it, and publishes nothing again.
        try await farm.run { _ in
            try await eventually("it is forgotten") { await farm.agents[0].attempts.isEmpty }
        }
        #expect(await published(farm) == 1)
    }

    @Test("A stop waits for a row that is being written")
    func writeIsFinished() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let coordinator = try await farm.coordinator()
        let gate = Flag()
        let (asked, written) = (Flag(), Flag())
        await farm.webRoot.holdPublish(until: asked)
        let build = try await farm.submit(coordinator)
        try await farm.wait(build, .publishing)
        store.next(.apply) {
            await written.raise()
            await gate.wait()
        }
        await asked.raise()
        await written.wait()
        async let stopped: Void = coordinator.stop()
        await Task.yield()
        await gate.raise()
        await stopped
        #expect(try await farm.store.build(id: build.id)?.state == .passed)
    }

    @Test("A stop does not wait for a store that is down")
    func storeIsDown() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let gate = Flag()
        await farm.webRoot.holdPublish(until: gate)
        let coordinator = try await farm.coordinator()
        let build = try await farm.submit(coordinator)
        try await farm.wait(build, .publishing)
        store.fail(.apply, times: 1000)
        await gate.raise()
        try await eventually("the image stands there") { await published(farm) == 1 }
        await coordinator.stop()
        #expect(try await farm.store.build(id: build.id)?.state == .publishing)
        #expect(await farm.agents[0].attempts.count == 1, "the agent may not forget it yet")
        store.mend()
        try await farm.run { _ in try await farm.wait(build, .passed) }
        #expect(try await farm.faults(build) == ["h0 passed"])
    }

    @Test("A stop interrupts a transfer, and the next start resumes it")
    func transferIsInterrupted() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.hold(true)
        let coordinator = try await farm.coordinator()
        let build = try await farm.submit(coordinator)
        try await eventually("it is being pulled") { farm.gateway.reads > 0 }
        await coordinator.stop()
        #expect(try await farm.store.build(id: build.id)?.state == .collecting)
        farm.gateway.hold(false)
        try await farm.run { _ in try await farm.wait(build, .passed) }
        #expect(try await farm.faults(build) == ["h0 passed"])
    }

    /// The moment is a few turns of the thread pool long, and nothing can hold it.
    @Test("A stop ends while hosts connect, whenever it comes", .timeLimit(.minutes(5)))
    func connectingIsInterrupted() async throws {
        for turns in 0..<400 {
            let farm = try await TestFarm(hosts: 3)
            let coordinator = try await farm.coordinator()
            for _ in 0..<turns { await Task.yield() }
            await coordinator.stop()
        }
    }

    @Test("Nothing is started after a stop")
    func nothingStarts() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        let coordinator = try await farm.coordinator()
        try await farm.connected(coordinator)
        let leader = try coordinator.leading()
        await coordinator.stop()
        // A request that was accepted before the stop.
        let build = try await leader.submission.submit(
            guestOS: "debian", priority: 0, owner: nil, reason: "test", by: "anna")
        await #expect(throws: StoreError.self) { try await farm.submit(coordinator) }
        #expect(await coordinator.pulse())
        #expect(try await farm.store.build(id: build.id)?.state == .queued)
        try await farm.run { _ in try await farm.wait(build, .passed) }
    }

    /// Followers wait for changes that will not come here any more.
    @Test("A stop wakes followers")
    func followersWake() async throws {
        let farm = try await TestFarm(hosts: 1)
        let coordinator = try await farm.coordinator()
        let now = await coordinator.changes.now()
        async let woken: Void = coordinator.changes.wait("nothing", after: now)
        await coordinator.stop()
        await woken
        await coordinator.changes.wait("nothing", after: now)
        #expect(await coordinator.changes.isClosed)
    }

    @Test("A stopped coordinator is deallocated")
    func coordinatorIsFreed() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        weak var tracker: BuildTracker?
        do {
            let coordinator = try await farm.coordinator()
            try await farm.connected(coordinator)
            tracker = try coordinator.leading().tracker
            _ = try await farm.submit(coordinator)
            _ = try await farm.attempt(on: farm.agents[0])
            await coordinator.stop()
        }
        try await eventually("it is released") { tracker == nil }
    }
}
