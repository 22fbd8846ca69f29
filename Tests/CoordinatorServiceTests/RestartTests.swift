import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// A coordinator that ends at any point; the next one resumes everything from the store.
@Suite struct RestartTests {
    @Test("A restart keeps a queued build")
    func queuedBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        _ = try await farm.coordinator().leading().hosts.drain("h0", by: "anna")
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        await first.stop()
        try await farm.leader.setDrain(nil, host: "h0")
        try await farm.run { coordinator in
            try await farm.wait(build, .passed)
        }
    }

    @Test("A restart starts a build that was claimed and never started")
    func claimedBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        let build = try await claimed(farm, token: AttemptToken(high: 3, low: 3))
        try await farm.run { coordinator in
            let passed = try await farm.wait(build, .passed)
            #expect(passed.attempt == AttemptToken(high: 3, low: 3), "the same attempt")
        }
    }

    /// The state after a coordinator ended between the claim and the start.
    private func claimed(_ farm: TestFarm, token: AttemptToken, host: String = "h0") async throws
        -> Build
    {
        let guestOS = try #require(try await farm.store.guestOS(named: "debian"))
        let build = try await farm.leader.enqueue(
            NewBuild(
                id: "claimed", guestOSID: guestOS.id, guestOS: guestOS.name, priority: 0,
                owner: "team", plan: try await farm.templates.plan(for: guestOS),
                updateContents: "", submittedMilliseconds: farm.clock.unixMilliseconds()))
        let attempt = Attempt(
            token: token, build: build.id, ordinal: 1, host: host, startedMilliseconds: 0)
        let change = BuildChange(
            build: build.id, from: [.queued], owner: nil, to: .building, atMilliseconds: 0,
            begin: attempt)
        return try #require(try await farm.leader.apply(change))
    }

    /// Nothing reads the session that is opened in the end: waiting for it would never end.
    @Test("A stop ends while a session is being opened")
    func stopDuringConnect() async throws {
        let farm = try await TestFarm(hosts: 1)
        let gate = Flag()
        farm.gateway.holdOpens(until: gate)
        let coordinator = try await farm.coordinator()
        try await eventually("a session is being opened") { farm.gateway.opens("h0") == 1 }
        async let stopped: Void = coordinator.stop()
        await Task.yield()
        await gate.raise()
        await stopped
    }

    /// Its old coordinator ended the attempt after the new one had read the store. No other event
    /// on this farm would have the build considered.
    @Test("A restart accepts a build that was returned to the queue meanwhile")
    func requeuedBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let token = try await farm.attempt(on: farm.agents[0])
            try await farm.giveBack(build, token)
            await farm.agents[0].change { $0.plan = .pass([1]) }
            await farm.agents[0].end(token, .pass([2]))
            let passed = try await farm.wait(build, .passed)
            #expect(passed.attempt != token, "the stale attempt published nothing")
            #expect(await farm.webRoot.published.map(\.attempt) == [passed.attempt])
        }
    }

    @Test("A restart resumes a running build")
    func runningBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        let token = try await farm.attempt(on: farm.agents[0])
        try await eventually("its log has begun") { await !farm.logs.files.isEmpty }
        await first.stop()
        await farm.agents[0].write(token, "while no coordinator ran")
        try await farm.run { coordinator in
            await farm.agents[0].write(token, "while the second one was there")
            await farm.agents[0].end(token, .pass([5]))
            let passed = try await farm.wait(build, .passed)
            #expect(passed.attempt == token)
            #expect(passed.attemptCount == 1)
            let starts = await farm.agents[0].count {
                if case .start = $0 { true } else { false }
            }
            #expect(starts == 1, "it was not started twice")
            let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
            #expect(log.contains("while no coordinator") && log.contains("while the second"))
        }
    }

    @Test("A restart records a build that ended meanwhile")
    func endedBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        let token = try await farm.attempt(on: farm.agents[0])
        await first.stop()
        await farm.agents[0].end(token, .fail(Fault(.template, .packerFailed, "words")))
        try await farm.run { coordinator in
            let failed = try await farm.wait(build, .failed)
            #expect(failed.fault?.reason == "words")
        }
    }

    /// It ran before, so it is not started again with the same token.
    @Test("A restart retries a build whose host lost everything meanwhile")
    func hostLostEverything() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.plan = .hang }
        let first = try await farm.coordinator()
        try await farm.connected(first)
        let build = try await farm.submit(first)
        let token = try await farm.attempt(on: farm.agents[0])
        try await eventually("its log has begun") { await farm.logs.files[token] != nil }
        await first.stop()
        await farm.agents[0].loseEverything()
        try await farm.run { _ in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        }
    }

    @Test("A restart resumes a pull")
    func pullResumes() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.hold(true)
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        try await farm.wait(build, .collecting)
        try await eventually("it is pulled") { farm.gateway.reads > 0 }
        await first.stop()
        farm.gateway.hold(false)
        try await farm.run { coordinator in
            #expect(await farm.webRoot.swept.last?.count == 1, "its .part is kept")
            try await farm.wait(build, .passed)
            #expect(await farm.webRoot.published.count == 1)
            #expect(try await farm.faults(build) == ["h0 passed"])
        }
    }

    @Test("A restart completes a publication")
    func publicationCompletes() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.webRoot.hold(true)
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        try await farm.wait(build, .publishing)
        await first.stop()
        await farm.webRoot.hold(false)
        try await farm.run { coordinator in
            try await farm.wait(build, .passed)
            #expect(await farm.webRoot.published.count == 1)
            #expect(try await farm.store.buildLog(guestOSID: nil, limit: 9).count == 1)
        }
    }

    @Test("A restart carries out a cancel request of a running build")
    func cancelOfRunningBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        _ = try await farm.attempt(on: farm.agents[0])
        await first.stop()
        _ = try await farm.leader.requestCancel(build: build.id)
        try await farm.run { coordinator in
            try await farm.wait(build, .cancelled)
        }
    }

    @Test("A restart carries out a cancel request of a queued build")
    func cancelOfQueuedBuild() async throws {
        let farm = try await TestFarm(hosts: 0)
        let first = try await farm.coordinator()
        let build = try await farm.submit(first)
        await first.stop()
        _ = try await farm.leader.requestCancel(build: build.id)
        try await farm.run { _ in
            try await farm.wait(build, .cancelled)
        }
    }

    @Test("A restart retries a build whose host was removed")
    func removedHost() async throws {
        let farm = try await TestFarm(hosts: 2)
        let build = try await claimed(farm, token: AttemptToken(high: 3, low: 3), host: "h0")
        try await farm.leader.removeHost("h0")
        let second = try await farm.coordinator()
        try await farm.wait(build, .passed, passing: 100)
        #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        await second.stop()
    }

    @Test("A restart gives up files of a removed host's build that can never be removed")
    func removedHostLeavesFiles() async throws {
        let farm = try await TestFarm(hosts: 2)
        let build = try await claimed(farm, token: AttemptToken(high: 3, low: 3), host: "h0")
        try await farm.leader.removeHost("h0")
        await farm.webRoot.breakForGood()
        let second = try await farm.coordinator()
        try await farm.wait(build, .failed, passing: 1_000)
        let first = try await farm.store.attempts(ofBuild: build.id).first
        #expect(first?.outcome?.fault?.code == .hostLost)
        #expect(first?.outcome?.fault?.reason.contains("removed by hand") == true)
        await second.stop()
    }

    /// It ended between the move to the tested images and the row.
    @Test(
        "A restart records where a tested image is, although the host of the test is lost",
        arguments: [false, true])
    func movedImageIsRecorded(hostIsRemoved: Bool) async throws {
        let farm = try await TestFarm(hosts: 2)
        farm.templates.test(.of(["boot"]))
        for agent in farm.agents { await agent.change { $0.testPlan = .hang } }
        let first = try await farm.coordinator()
        try await farm.connected(first)
        let build = try await farm.submit(first)
        try await farm.wait(build, .testing)
        let lost = try await tester(farm)
        await farm.webRoot.holdAnswers(true)
        await lost.end(try await farm.attempt(on: lost), .pass([]))
        try await eventually("the image was moved") { await !farm.webRoot.promoted.isEmpty }
        await first.stop()
        await farm.webRoot.holdAnswers(false)
        await lost.goAway()
        if hostIsRemoved { try await farm.leader.removeHost(lost.name) }
        try await farm.run { _ in
            let image = try await eventually("it is tested elsewhere") {
                await farm.clock.advance(milliseconds: 10_000)
                let now = try await farm.store.build(id: build.id)
                return now?.attemptCount == 3 ? now?.image : nil
            }
            #expect(image.path == "images/release/debian/\(build.imageName).qcow2")
            let other = try await tester(farm)
            let token = try await farm.attempt(on: other)
            let start = await other.attempts[token]?.start
            #expect(start?.recipe.baseImage?.url == image.url, "it is fetched from there")
            await other.end(token, .pass([]))
            #expect(try await farm.wait(build, .passed, .failed).image == image)
            let rows = try await farm.store.buildLog(guestOSID: nil, limit: 5)
            #expect(rows.map(\.getURL) == [image.url])
        }
    }

    /// The host on which an attempt runs.
    private func tester(_ farm: TestFarm) async throws -> FakeAgent {
        try await eventually("a test runs") {
            for agent in farm.agents {
                if await agent.isUp, await !agent.running.isEmpty { return agent }
            }
            return nil
        }
    }

    @Test("A restart keeps the history of a build's faults")
    func faultsAreRemembered() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        let first = try await farm.coordinator()
        try await farm.connected(first)
        let build = try await farm.submit(first)
        try await eventually("it failed on h0") {
            try await farm.faults(build) == ["h0 host.disk_full"]
        }
        await first.stop()
        try await farm.run { coordinator in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.disk_full", "h1 passed"])
        }
    }
}
