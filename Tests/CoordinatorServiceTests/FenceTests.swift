import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import TestSupport
import Testing

/// A stale attempt or a deposed leader has no further effect.
@Suite struct FenceTests {
    /// Its `start` was delayed on a session that hung, and arrived after the attempt was given up.
    /// The agent reports it on a session that has long been open.
    @Test("An attempt that starts too late is ended at its first message")
    func lateStartIsForgotten() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            try await farm.wait(build, .passed)
            try await eventually("it is forgotten") { await agent.tokens.isEmpty }
            let starts = await agent.said.compactMap { message in
                if case .start(let start) = message { start } else { nil }
            }
            let start = try #require(starts.first)
            await agent.adopt(start, log: "begun too late")
            await agent.send(.phase(Phase(attempt: start.attempt, state: .building)))
            try await eventually("it is ended") { await agent.tokens.isEmpty }
        }
    }

    /// Killed after the image was moved and before its row was written; its host never comes back.
    @Test(
        "An image that an earlier coordinator published without a row is withdrawn",
        arguments: [false, true])
    func unrecordedImageIsWithdrawn(hostIsRemoved: Bool) async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.webRoot.holdAnswers(true)
        let first = try await farm.coordinator()
        try await farm.connected(first)
        let build = try await farm.submit(first)
        try await eventually("the image is there") { await farm.webRoot.published.count == 1 }
        let stale = await farm.webRoot.published.first?.attempt
        await first.stop()
        await farm.webRoot.holdAnswers(false)
        for agent in farm.agents where await !agent.tokens.isEmpty {
            await agent.goAway()
            if hostIsRemoved { try await farm.leader.removeHost(agent.name) }
        }
        let second = try await farm.coordinator()
        try await farm.wait(build, .passed, passing: 10_000)
        let published = await farm.webRoot.published.map(\.attempt)
        #expect(published.count == 1 && published.first != stale)
        await second.stop()
    }

    /// Two coordinators with one attempt; the first was believed dead.
    @Test("An image that another coordinator published is kept")
    func foreignImageIsKept() async throws {
        let farm = try await TestFarm(hosts: 1)
        let agent = farm.agents[0]
        farm.gateway.hold(true)
        let stale = try await farm.coordinator()
        let build = try await farm.submit(stale)
        try await farm.wait(build, .collecting)
        try await eventually("it pulls") { farm.gateway.reads > 0 }
        farm.gateway.hold(false)
        try await farm.run { _ in
            let passed = try await farm.wait(build, .passed, passing: 100)
            await agent.goAway()
            try await eventually("the first one has given the host up") {
                await farm.clock.advance(milliseconds: 10_000)
                return try await stale.leading().hosts.snapshot("h0").running == 0
            }
            #expect(await farm.webRoot.published.map(\.attempt) == [passed.attempt])
            #expect(try await farm.store.build(id: build.id)?.state == .passed)
        }
        await stale.stop()
    }

    /// It was deposed without noticing, and gives up a host that no longer talks to it.
    @Test("A deposed leader does not withdraw what the next one published")
    func deposedLeaderWithdrawsNothing() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let agent = farm.agents[0]
        await agent.change { $0.plan = .hang }
        let stale = try await farm.coordinator(epoch: store.takeLead())
        try await farm.connected(stale)
        let build = try await farm.submit(stale)
        let token = try await farm.attempt(on: agent)
        let next = try await farm.coordinator(epoch: store.takeLead())
        try await farm.connected(next)
        await agent.end(token, .pass([1]))
        try await farm.wait(build, .passed, passing: 100)
        // Twice as long as a host may be unreachable.
        for _ in 0..<120 { await farm.clock.advance(milliseconds: 10_000) }
        #expect(await farm.webRoot.withdrawn.isEmpty)
        #expect(await farm.webRoot.published.map(\.attempt) == [token])
        await next.stop()
        await stale.stop()
    }

    /// Its pull stalls, and goes on once the next leader has recorded the end.
    @Test("A deposed leader leaves no incoming file behind")
    func deposedLeaderPullsNothing() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        farm.gateway.hold(true)
        let stale = try await farm.coordinator(epoch: store.takeLead())
        try await farm.connected(stale)
        let build = try await farm.submit(stale)
        try await eventually("it pulls") { farm.gateway.reads > 0 }
        farm.gateway.hold(false)
        let next = try await farm.coordinator(epoch: store.takeLead())
        try await farm.wait(build, .passed)
        for _ in 0..<60 { await farm.clock.advance(milliseconds: 10_000) }
        #expect(await farm.webRoot.incomingAttempts.isEmpty)
        #expect(await farm.webRoot.published.count == 1)
        await next.stop()
        await stale.stop()
    }

    /// Deposed between the publication and its row: the host keeps what the next leader needs.
    @Test("A deposed leader lets the host keep an attempt that it could not record")
    func deposedLeaderForgetsNothing() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let gate = Flag()
        await farm.webRoot.holdPublish(until: gate)
        let stale = try await farm.coordinator(epoch: store.takeLead())
        try await farm.connected(stale)
        let build = try await farm.submit(stale)
        try await farm.wait(build, .publishing)
        let epoch = try await store.takeLead()
        await gate.raise()
        for _ in 0..<20 { await farm.clock.advance(milliseconds: 100) }
        #expect(await farm.agents[0].tokens.count == 1)
        let next = try await farm.coordinator(epoch: epoch)
        try await farm.wait(build, .passed, passing: 100)
        #expect(try await farm.faults(build) == ["h0 passed"])
        await next.stop()
        await stale.stop()
    }

    /// A cancel request ended its attempt on its way to the host: it stayed in the table of the
    /// host for ever, and the host kept the attempt.
    @Test("A session that ended before its host had it is not kept there")
    func endedBeforeAttach() async throws {
        let farm = try await TestFarm(hosts: 1)
        let agent = farm.agents[0]
        await agent.change { $0.plan = .hang }
        let coordinator = try await farm.coordinator()
        let build = try await farm.submit(coordinator)
        _ = try await farm.attempt(on: agent)
        let session = try #require(try await coordinator.leading().tracker.session(of: build))
        await coordinator.stop()
        let fleet = HostFleet(ports: farm.ports, epoch: farm.epoch, wakeup: Wakeup())
        let monitor = HostMonitor(
            host: session.host, plugins: PluginList(farm.ports), ports: farm.ports,
            epoch: farm.epoch, events: fleet)
        await monitor.release(session)
        await monitor.attach(session)
        await monitor.start()
        try await eventually("the host forgets the attempt") { await agent.tokens.isEmpty }
        await monitor.stop()
    }

    /// A daemon that hangs behind a working sshd.
    @Test("A silent agent is reconnected")
    func silentAgentIsReconnected() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            let token = try await farm.attempt(on: agent)
            let opens = farm.gateway.opens("h0")
            await agent.change { $0.isStuck = true }
            try await eventually("the session was ended") {
                await farm.clock.advance(milliseconds: 1_000)
                return farm.gateway.opens("h0") > opens
            }
            await agent.change { $0.isStuck = false }
            await agent.cut()
            await agent.end(token, .pass([1]))
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 passed"])
        }
    }

    /// It keeps its session, however long its builds are silent.
    @Test("An agent that answers pings keeps its session")
    func respondingAgentKeepsSession() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { _ in
            let agent = farm.agents[0]
            for round in 1...20 {
                try await eventually("it is asked \(round) times") {
                    await farm.clock.advance(milliseconds: 1_000)
                    return await agent.count { if case .ping = $0 { true } else { false } } >= round
                }
            }
            #expect(farm.gateway.opens("h0") == 1)
        }
    }

    /// Its session still had to record its end when the build was started again elsewhere.
    @Test("The end of an earlier attempt has no effect")
    func staleEndIsIgnored() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        try await farm.runBuild { coordinator, build in
            _ = try await farm.attempt(on: farm.agents[0])
            let stale = try #require(try await coordinator.leading().tracker.session(of: build))
            await farm.agents[0].goAway()
            let token = try await eventually("it runs elsewhere") {
                await farm.clock.advance(milliseconds: 10_000)
                return await farm.agents[1].running.first
            }
            try await coordinator.leading().tracker.ended(
                stale, AttemptEnd(outcome: Outcome()), nil)
            #expect(try await farm.store.build(id: build.id)?.state == .building)
            await farm.agents[1].end(token, .pass([2]))
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        }
    }
}
