import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// Everything fails at random, by seed; then it is repaired, and every build ends by itself.
@Suite struct ChaosTests {
    private static let seedsPerBatch = 50

    /// Many seeds concurrently: most of the time each waits for its own clock. For more than these
    /// there is `make simulate`, which is optimized.
    @Test("Every build ends once, whatever fails", arguments: 0..<10)
    func everyBuildEndsOnce(_ batch: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 1...Self.seedsPerBatch {
                group.addTask { try await live(batch * Self.seedsPerBatch + seed) }
            }
            try await group.waitForAll()
        }
    }

    private func live(_ seed: Int) async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 3, store: store)
        var random = SeededGenerator(seed: seed)
        // Half of the farms test their images.
        if seed.isMultiple(of: 2) { farm.templates.test(.of(["boot"])) }
        var coordinator = try await farm.coordinator()
        // Deposed coordinators that have not noticed it.
        var zombies: [Coordinator] = []
        var builds: [Build] = []
        for _ in 0..<60 {
            switch random.below(10) {
            case 0, 1, 2:
                // A submission whose response is lost may or may not be stored; both are correct.
                let asked = random.one(of: [coordinator, coordinator] + zombies)
                if let build = try? await farm.submit(asked) { builds.append(build) }
            case 3: await random.one(of: farm.agents).cut()
            case 4: await random.one(of: farm.agents).goAway()
            case 5: await random.one(of: farm.agents).comeBack()
            case 6: breakTheStore(store, &random)
            case 7: await breakTransfers(farm, &random)
            case 8:
                if random.below(2) == 0 {
                    await coordinator.stop()
                } else {
                    zombies.append(coordinator)
                }
                coordinator = try await farm.coordinator(epoch: store.takeLead())
            default: await changePlan(random.one(of: farm.agents), &random)
            }
            await farm.clock.advance(milliseconds: Int64(random.below(3_000)), turns: 0)
            for _ in 0..<random.below(40) { await Task.yield() }
        }
        await mend(farm, store)
        try await expectTheEnd(farm, seed, builds)
        for coordinator in zombies + [coordinator] { await coordinator.stop() }
    }

    /// Killed before or after any effect, repeatedly, without other faults. So every build passes
    /// at its first attempt.
    @Test("A coordinator may die between any two effects", arguments: 1...1_000)
    func crashBetweenEffects(_ seed: Int) async throws {
        let farm = try await TestFarm(hosts: 3)
        var random = SeededGenerator(seed: seed)
        let stages: [BuildStage] = seed.isMultiple(of: 2) ? [.build, .test] : [.build]
        if stages.count > 1 { farm.templates.test(.of(["boot"])) }
        var builds: [Build] = []
        for _ in 0..<(2 + random.below(4)) {
            let life = Life(steps: 1 + random.below(90))
            guard let coordinator = try? await farm.coordinator(life) else { continue }
            for _ in 0..<random.below(4) {
                if let build = try? await farm.submit(coordinator) { builds.append(build) }
            }
            // Until it dies, or has nothing left to do.
            for _ in 0..<60 where !life.hasEnded {
                await farm.clock.advance(milliseconds: Int64(random.below(400)), turns: 0)
                for _ in 0..<random.below(30) { await Task.yield() }
            }
            // Killed: its sessions have no further effect.
            life.end()
            await coordinator.stop()
        }
        let last = try await farm.coordinator()
        try await expectTheEnd(farm, seed, builds)
        await last.stop()
        let published = Dictionary(
            grouping: await farm.webRoot.published, by: \.build.id
        ).mapValues { Set($0.map(\.attempt)) }
        let promoted = Set(await farm.webRoot.promoted.map(\.attempt))
        for build in try await farm.store.builds(BuildFilter(), limit: 1_000) {
            #expect(build.state == .passed, "seed \(seed): \(build)")
            let attempts = try await farm.store.attempts(ofBuild: build.id)
            #expect(attempts.map(\.stage) == stages, "seed \(seed): \(build)")
            #expect(published[build.id] == [attempts[0].token], "seed \(seed)")
            #expect(promoted.contains(attempts[0].token) == (stages.count > 1), "seed \(seed)")
            let records = try await farm.store.testRecords(ofBuild: build.id)
            #expect(records.count == stages.count - 1, "seed \(seed): recorded once")
        }
    }

    private func breakTheStore(_ store: FaultyStore, _ random: inout SeededGenerator) {
        let call = random.one(of: [FaultyStore.Call.claim, .apply, .enqueue, .recentDurations])
        store.fail(call, random.one(of: [.before, .after]), times: 1 + random.below(3))
    }

    private func breakTransfers(_ farm: TestFarm, _ random: inout SeededGenerator) async {
        let count = 1 + random.below(2)
        switch random.below(4) {
        case 0: farm.gateway.failReads(count)
        case 1: farm.gateway.lieInReads(count)
        case 2: await farm.webRoot.failPublish(count)
        default: await farm.logs.fail(count)
        }
    }

    private func changePlan(_ agent: FakeAgent, _ random: inout SeededGenerator) async {
        let plans: [FakeAgent.Plan] = [
            .pass([1, 2, 3]), .pass([1, 2, 3]), .hang, .silence, .answer(.refused),
            .fail(Fault(.infrastructure, .diskFull, "full")),
        ]
        let plan = random.one(of: plans)
        let gaps = random.below(2)
        let wrongLogs = random.below(2)
        let repeats = random.below(4)
        await agent.change {
            $0.plan = plan
            $0.gaps = gaps
            $0.wrongLogs = wrongLogs
            $0.repeats = repeats
        }
    }

    private func mend(_ farm: TestFarm, _ store: FaultyStore) async {
        store.mend()
        farm.gateway.failReads(0)
        farm.gateway.lieInReads(0)
        await farm.webRoot.failPublish(0)
        await farm.logs.fail(0)
        for agent in farm.agents {
            await agent.change {
                $0.plan = .pass([1, 2, 3])
                $0.gaps = 0
                $0.wrongLogs = 0
            }
            await agent.comeBack()
            // Attempts that were told to be silent or to hang now complete.
            await agent.cut()
            for token in await agent.running { await agent.end(token, .pass([1, 2, 3])) }
        }
    }

    private func expectTheEnd(_ farm: TestFarm, _ seed: Int, _ builds: [Build]) async throws {
        var open: [Build] = []
        try await eventually("seed \(seed): all builds end; open: \(open.map(\.state))") {
            await farm.clock.advance(milliseconds: 2_000, turns: 5)
            for agent in farm.agents {
                for token in await agent.running { await agent.end(token, .pass([1, 2, 3])) }
            }
            open = try await farm.store.allLiveBuilds().map(\.build)
            return open.isEmpty
        }
        let all = try await farm.store.builds(BuildFilter(), limit: 1_000)
        #expect(Set(all.map(\.id)).isSuperset(of: builds.map(\.id)), "seed \(seed): one was lost")
        var passed: Set<String> = []
        for build in all {
            let attempts = try await farm.store.attempts(ofBuild: build.id)
            #expect(attempts.allSatisfy { $0.outcome != nil }, "seed \(seed): \(build.id)")
            for stage in BuildStage.allCases {
                let tries = attempts.count { $0.stage == stage }
                #expect(tries <= RetryPolicy.attempts, "seed \(seed): \(build.id) \(stage)")
            }
            switch build.state {
            case .passed:
                passed.insert(build.id)
                #expect(attempts.last?.outcome?.passed == true, "seed \(seed): \(build.id)")
            case .failed:
                #expect(build.fault?.class == .infrastructure, "seed \(seed): \(build.id)")
            default: Issue.record("seed \(seed): \(build.id) is \(build.state)")
            }
        }
        let rows = try await farm.store.buildLog(guestOSID: nil, limit: 1_000).map(\.id)
        // The image of a build that was built but could not be tested is kept.
        let built = Set(all.filter { $0.stage == .test }.map(\.id)).union(passed)
        #expect(Set(rows) == built && rows.count == built.count, "seed \(seed): published once")
        try await eventually("seed \(seed): nothing is left on the hosts") {
            await farm.clock.advance(milliseconds: 2_000, turns: 5)
            for agent in farm.agents where await !agent.tokens.isEmpty { return false }
            return true
        }
    }
}
