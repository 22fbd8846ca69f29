import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// The database is down, or its responses are lost, at each step of a build.
@Suite struct StoreFaultTests {
    @Test("Recording that a build is impossible is retried")
    func impossibleBuildIsRetried() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        farm.templates.require(Requirements(vcpus: 1_000))
        try await farm.run { coordinator in
            store.fail(.apply)
            let build = try await farm.submit(coordinator)
            let failed = try await farm.wait(build, .failed, passing: 1_000)
            #expect(failed.fault?.code == .impossible)
        }
    }

    /// Another coordinator ended the attempt, and the store is down when this one queries it.
    @Test("A build that was returned to the queue during an outage runs again")
    func requeuedDuringOutage() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let token = try await farm.attempt(on: farm.agents[0])
            try await farm.giveBack(build, token)
            await farm.agents[0].change { $0.plan = .pass([1]) }
            let asked = Flag()
            store.next(.find) {
                await asked.raise()
                throw StoreError(.unavailable, "the database is away")
            }
            await farm.agents[0].end(token, .pass([2]))
            await asked.wait()
            try await farm.wait(build, .passed, passing: 1_000)
        }
    }

    @Test("A submission that was not stored is refused")
    func failedSubmission() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        try await farm.run { coordinator in
            store.fail(.enqueue)
            await #expect(throws: StoreError.self) { try await farm.submit(coordinator) }
            #expect(try await coordinator.leading().tracker.queue(limit: 9).isEmpty)
            let build = try await farm.submit(coordinator)
            try await farm.wait(build, .passed)
        }
    }

    /// At once, or when the store is back.
    @Test("A submission whose response was lost is built", arguments: [0, 3])
    func lostSubmissionResponse(_ failures: Int) async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        try await farm.run { coordinator in
            store.fail(.enqueue, .after)
            let asked = Flag()
            for _ in 0..<failures {
                store.next(.find) {
                    await asked.raise()
                    throw StoreError(.unavailable, "the database is away")
                }
            }
            await #expect(throws: StoreError.self) { try await farm.submit(coordinator) }
            if failures > 0 { await asked.wait() }
            let build = try #require(try await store.builds(BuildFilter(), limit: 9).first)
            try await eventually("the coordinator has taken it up, and it passed") {
                await farm.clock.advance(milliseconds: 500)
                return try await store.builds(BuildFilter(states: [.passed]), limit: 9)
                    .map(\.id) == [build.id]
            }
        }
    }

    /// The row of the end cannot be written yet: what an agent sends meanwhile comes too late.
    @Test("The log of an ended attempt accepts no more data")
    func endedLogIsSealed() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let agent = farm.agents[0]
        await agent.change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let token = try await farm.attempt(on: agent)
            try await eventually("the log has begun") { await !farm.logs.files.isEmpty }
            let asked = Flag()
            store.next(.apply) {
                await asked.raise()
                throw StoreError(.unavailable, "the database is away")
            }
            await agent.end(token, .fail(Fault(.template, .packerFailed, "words")))
            await asked.wait()
            await agent.write(token, "too late")
            await farm.clock.advance(milliseconds: 1)
            try await farm.wait(build, .failed, passing: 500)
            let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
            #expect(log.contains("words") && !log.contains("too late"))
        }
    }

    @Test("A failed claim is retried")
    func failedClaim() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        store.fail(.claim, times: 2)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 500)
            #expect(try await farm.faults(build) == ["h0 passed"])
        }
    }

    @Test("A claim whose response was lost is resumed")
    func lostClaimResponse() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        store.fail(.claim, .after)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 500)
            #expect(try await farm.faults(build) == ["h0 passed"], "one attempt, the claimed one")
        }
    }

    @Test("A wait is explained although the history cannot be read, and estimated once it can")
    func missingHistory() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, slots: 1, store: store)
        try await farm.runBuild { coordinator, first in
            try await farm.wait(first, .passed)
            await farm.agents[0].change { $0.plan = .hang }
            _ = try await farm.submit(coordinator)
            _ = try await farm.attempt(on: farm.agents[0])
            let waits = try await farm.submit(coordinator)
            let tracker = try coordinator.leading().tracker
            store.fail(.recentDurations)
            let unknown = try #require(await tracker.explain(waits.id))
            #expect(unknown.etaSeconds == nil)
            #expect(unknown.etaReason == "the history of debian has not been read yet")
            await farm.clock.advance(milliseconds: 1_000)
            #expect(await tracker.explain(waits.id)?.etaSeconds != nil)
        }
    }

    @Test("Clients that ask at once why their builds wait read the history once")
    func historyIsShared() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, slots: 1, store: store)
        await farm.agents[0].change { $0.plan = .hang }
        let reads = Mutex(0)
        let isAsked = Flag()
        let mayAnswer = Flag()
        try await farm.runBuild { coordinator, _ in
            _ = try await farm.attempt(on: farm.agents[0])
            let waits = try await farm.submit(coordinator)
            let tracker = try coordinator.leading().tracker
            for _ in 0..<20 {
                store.next(.recentDurations) {
                    reads.withLock { $0 += 1 }
                    await isAsked.raise()
                    await mayAnswer.wait()
                }
            }
            async let first = tracker.explain(waits.id)
            await isAsked.wait()
            async let second = tracker.explain(waits.id)
            async let third = tracker.explain(waits.id)
            await mayAnswer.raise()
            let answers = await [first, second, third]
            #expect(answers.map { $0?.position } == [1, 1, 1])
            #expect(reads.withLock(\.self) == 2, "of builds and of tests")
        }
    }

    @Test(
        "Every later step is retried until the store responds",
        arguments: [FaultyStore.Moment.before, .after])
    func laterSteps(_ moment: FaultyStore.Moment) async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        // Collecting, publishing, the end: each fails three times in a row at first.
        store.fail(.apply, moment, times: 3)
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(await farm.webRoot.published.count == 1)
            #expect(try await store.buildLog(guestOSID: nil, limit: 9).count == 1)
            try await eventually("the agent may forget it") {
                await farm.clock.advance(milliseconds: 100)
                return await farm.agents[0].tokens.isEmpty
            }
            #expect(try await coordinator.leading().tracker.queue(limit: 9).isEmpty)
            let next = try await farm.submit(coordinator)
            try await farm.wait(next, .passed)
        }
    }

    @Test(
        "The end of a failed attempt is recorded after an outage",
        arguments: [FaultyStore.Moment.before, .after])
    func failedAttempt(_ moment: FaultyStore.Moment) async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 2, store: store)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        store.fail(.apply, moment, times: 2)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 200)
            #expect(try await farm.faults(build) == ["h0 host.disk_full", "h1 passed"])
        }
    }

    /// The claim is in the store and its response on the way; the cancel request is recorded
    /// meanwhile.
    @Test("A cancel request during a slow claim counts")
    func cancelDuringSlowClaim() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        await farm.agents[0].change { $0.plan = .hang }
        let isClaimed = Flag()
        let isWished = Flag()
        store.next(.claim, .after) {
            await isClaimed.raise()
            await isWished.wait()
        }
        store.next(.apply, .before) { await isWished.raise() }
        try await farm.runBuild { coordinator, build in
            await isClaimed.wait()
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            try await farm.wait(build, .cancelled)
        }
    }

    @Test("A cancel request that comes while durations are read counts")
    func cancelWhileDurationsAreRead() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, slots: 1, store: store)
        await farm.agents[0].change { $0.plan = .hang }
        let isAsked = Flag()
        let isRequested = Flag()
        try await farm.runBuild { coordinator, _ in
            _ = try await farm.attempt(on: farm.agents[0])
            let build = try await farm.submit(coordinator)
            let tracker = try coordinator.leading().tracker
            store.next(.recentDurations) {
                await isAsked.raise()
                await isRequested.wait()
            }
            async let explained = tracker.explain(build.id)
            await isAsked.wait()
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            await isRequested.raise()
            _ = await explained
            try await farm.wait(build, .cancelled)
        }
    }

    @Test("A claim on a host that is removed meanwhile returns the build to the queue")
    func hostRemovedDuringClaim() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 2, store: store)
        let isClaimed = Flag()
        let isRemoved = Flag()
        store.next(.claim, .after) {
            await isClaimed.raise()
            await isRemoved.wait()
        }
        try await farm.runBuild { coordinator, build in
            await isClaimed.wait()
            try await coordinator.leading().hosts.remove("h0", by: "anna")
            await isRemoved.raise()
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        }
    }

    @Test("A build that reaches a host during its removal returns to the queue")
    func removedHostGetsBuild() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 2, store: store)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        try await farm.run { coordinator in
            let isStarted = Flag()
            let isRemoving = Flag()
            store.next(.removeHost) {
                await isRemoving.raise()
                await isStarted.wait()
            }
            async let removal: Void = coordinator.leading().hosts.remove("h0", by: "anna")
            await isRemoving.wait()
            let build = try await farm.submit(coordinator)
            _ = try await farm.attempt(on: farm.agents[0])
            await isStarted.raise()
            try await removal
            await farm.agents[1].change { $0.plan = .pass([1]) }
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        }
    }
}
