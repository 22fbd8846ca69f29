import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// Interruptions, losses, wrong data and full disks: nothing is lost or done twice.
@Suite struct InterruptionTests {
    @Test("A cut session changes nothing")
    func cutSession() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            let token = try await farm.attempt(on: agent)
            for line in 1...3 {
                try await eventually("the session is open") {
                    await farm.clock.advance(milliseconds: 100)
                    return farm.gateway.opens("h0") == line
                }
                await agent.write(token, "line \(line)")
                await agent.cut()
            }
            await agent.end(token, .pass([7]))
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 passed"])
            let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
            for line in 1...3 { #expect(log.contains("line \(line)")) }
        }
    }

    /// Two faults in a row while the clock is wrong: a delayed retry and a host in quarantine.
    @Test("A wall clock that is set back delays nothing", arguments: [7_200_000, -7_200_000])
    func clockSetBack(_ jump: Int64) async throws {
        let farm = try await TestFarm(hosts: 1)
        let agent = farm.agents[0]
        await agent.change { $0.plan = .fail(Fault(.infrastructure, .diskFull, "full")) }
        try await farm.run { coordinator in
            farm.clock.jump(milliseconds: jump)
            let build = try await farm.submit(coordinator)
            try await eventually("it failed twice") {
                await farm.clock.advance(milliseconds: 500)
                return try await farm.faults(build).count == 2
            }
            farm.clock.jump(milliseconds: -jump)
            await agent.change { $0.plan = .pass([1]) }
            let back = farm.clock.monotonicMilliseconds()
            try await farm.wait(build, .passed, passing: 500)
            #expect(farm.clock.monotonicMilliseconds() - back < 120_000)
        }
    }

    @Test("A link that is back is used within two seconds")
    func reconnectTime() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let agent = farm.agents[0]
            await agent.goAway()
            for round in 1...60 {
                let opens = farm.gateway.opens("h0")
                try await eventually("it is tried again after \(round) tries") {
                    await farm.clock.advance(milliseconds: 500)
                    return farm.gateway.opens("h0") > opens
                }
            }
            await agent.comeBack()
            let back = farm.clock.monotonicMilliseconds()
            try await eventually("it is connected") {
                await farm.clock.advance(milliseconds: 100)
                return try await coordinator.leading().hosts.snapshot("h0").state == "ready"
            }
            #expect(farm.clock.monotonicMilliseconds() - back <= 2_000)
        }
    }

    /// A host that is down for a night costs one attempt every second or two.
    @Test("An unreachable host is tried no more often than allowed")
    func reconnectBackoff() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { _ in
            await farm.agents[0].goAway()
            let before = farm.gateway.opens("h0")
            for _ in 0..<240 { await farm.clock.advance(milliseconds: 250) }
            #expect((1...45).contains(farm.gateway.opens("h0") - before))
        }
    }

    @Test("A lost host's build runs on another, and its own attempt is fenced off")
    func lostHost() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        try await farm.runBuild { _, build in
            let lost = farm.agents[0]
            let stale = try await farm.attempt(on: lost)
            await farm.agents[1].change { $0.plan = .pass([2]) }
            await lost.goAway()
            try await farm.wait(build, .passed, passing: 10_000)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])

            // It comes back, and its attempt has passed as well, but is obsolete.
            await lost.end(stale, .pass([1]))
            await lost.comeBack()
            try await eventually("the stale attempt is forgotten") {
                await farm.clock.advance(milliseconds: 1_000)
                return await lost.tokens.isEmpty
            }
            #expect(await farm.webRoot.published.count == 1)
            #expect(await farm.webRoot.published.first?.attempt != stale)
        }
    }

    @Test("An attempt that its host no longer has is lost")
    func lostAttempt() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            _ = try await farm.attempt(on: farm.agents[0])
            try await eventually("its log has begun") { await !farm.logs.files.isEmpty }
            await farm.agents[0].loseEverything()
            await farm.agents[0].cut()
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 host.lost", "h1 passed"])
        }
    }

    @Test("A start that was not received is sent again")
    func lostStart() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .silence }
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            try await eventually("start was said") {
                await agent.count { if case .start = $0 { true } else { false } } > 0
            }
            await agent.change { $0.plan = .pass([1]) }
            await agent.cut()
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 passed"], "the same attempt")
        }
    }

    @Test("A gap in the log is requested again")
    func logGap() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            let token = try await farm.attempt(on: agent)
            try await eventually("the log has begun") { await !farm.logs.files.isEmpty }
            await agent.change { $0.gaps = 1 }
            await agent.write(token, "lost on the way")
            await agent.write(token, "comes too early")
            try await eventually("it is here while the build still runs") {
                let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
                return log.contains("lost on the way") && log.contains("comes too early")
            }
            await agent.end(token, .pass([1]))
            try await farm.wait(build, .passed)
            #expect(await farm.logs.resets == 0, "only what was missing came again")
        }
    }

    @Test("A log that differs is fetched again")
    func differingLog() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.wrongLogs = 2 }
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(await farm.logs.resets == 2)
        }
    }

    @Test("A log that always differs is the host's fault")
    func alwaysDifferingLog() async throws {
        let farm = try await TestFarm(hosts: 2)
        await farm.agents[0].change { $0.wrongLogs = 1_000 }
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 log.mismatch", "h1 passed"])
        }
    }

    /// Not only once the build has ended and its log is found to be too short.
    @Test("A chunk that a full log disk rejected is requested again during the build")
    func fullLogDiskDuringBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            let agent = farm.agents[0]
            _ = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: agent)
            try await eventually("the log has begun") { await !farm.logs.files.isEmpty }
            await farm.logs.fail(3)
            await agent.write(token, "while it was full")
            try await eventually("it is here although nothing more was said") {
                await farm.clock.advance(milliseconds: 100)
                let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
                return log.contains("while it was full")
            }
        }
    }

    /// With a request for each refused piece, every answer was refused and requested again.
    @Test("Log pieces that a full disk refused are requested again only once")
    func refusedPiecesAreAskedForTogether() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            let agent = farm.agents[0]
            _ = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: agent)
            try await eventually("the log has begun") { await !farm.logs.files.isEmpty }
            let follows = { await agent.count { if case .follow = $0 { true } else { false } } }
            let before = await follows()
            await farm.logs.fail(20)
            for piece in 1...20 { await agent.write(token, "piece \(piece)") }
            try await eventually("all of them were refused") { await farm.logs.failures == 0 }
            try await eventually("they are here") {
                await farm.clock.advance(milliseconds: 100)
                let log = String(decoding: await farm.logs.files[token] ?? [], as: UTF8.self)
                return log.contains("piece 20")
            }
            await farm.clock.advance(milliseconds: 2_000)
            #expect(await follows() == before + 1)
        }
    }

    @Test("The end of a build waits for a full log disk")
    func fullLogDiskAtEnd() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.logs.fail(40)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 passed"])
        }
    }

    @Test("An interrupted transfer resumes")
    func interruptedTransfer() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.failReads(3)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 passed"])
            #expect(farm.gateway.reads >= 4)
        }
    }

    @Test("A stalled transfer resumes")
    func stalledTransfer() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.hold(true)
        try await farm.runBuild { _, build in
            try await eventually("it is pulled") { farm.gateway.reads > 0 }
            farm.gateway.hold(false)
            try await farm.wait(build, .passed, passing: 1_000)
            #expect(try await farm.faults(build) == ["h0 passed"])
        }
    }

    @Test("A host that cannot read its artifact is given up, and the build goes elsewhere")
    func unreadableArtifact() async throws {
        let farm = try await TestFarm(hosts: 2)
        farm.gateway.failReads(.max)
        try await farm.runBuild { _, build in
            try await eventually("the first host is given up") {
                await farm.clock.advance(milliseconds: 20_000)
                return try await farm.faults(build).contains { $0.hasSuffix("pull.failed") }
            }
            farm.gateway.failReads(0)
            let passed = try await farm.wait(build, .passed, passing: 1_000)
            #expect(passed.attemptCount == 2)
        }
    }

    @Test("A transfer with a wrong digest is never published")
    func wrongDigest() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.lieInReads(2)
        try await farm.runBuild { _, build in
            let passed = try await farm.wait(build, .passed, passing: 100)
            let token = try #require(passed.attempt)
            #expect(await farm.webRoot.verifications[token] == 3)
            #expect(await farm.webRoot.published.count == 1)
        }
    }

    @Test("A host whose transfers always have a wrong digest is given up")
    func alwaysWrongDigest() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.gateway.lieInReads(3)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed, passing: 100)
            #expect(try await farm.faults(build) == ["h0 pull.digest", "h0 passed"])
        }
    }

    @Test("A full web root delays the publication")
    func fullWebRoot() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.webRoot.failPublish(3)
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .publishing)
            try await eventually("it says what it waits for") {
                try await coordinator.find(build.id)?.1.phase?.contains("the web root is full")
                    == true
            }
            try await farm.wait(build, .passed, passing: 100)
            #expect(await farm.webRoot.published.count == 1)
        }
    }

    @Test("Attempts that the coordinator does not wait for are forgotten")
    func obsoleteAttempts() async throws {
        let farm = try await TestFarm(hosts: 1)
        let template = TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1)
        await farm.agents[0].adopt(
            Start(
                attempt: AttemptToken(high: 9, low: 9),
                build: BuildDescription(id: "x", guestOS: "x", number: 1, imageName: "x"),
                template: template, recipe: BuildRecipe(builder: .command(["x"])),
                requirements: Requirements(), limits: AttemptLimits()), log: "old")
        try await farm.run { _ in
            try await eventually("it is forgotten") { await farm.agents[0].tokens.isEmpty }
        }
    }

    @Test("Messages of a stale attempt have no effect")
    func staleMessages() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let agent = farm.agents[0]
            let token = try await farm.attempt(on: agent)
            let stale = AttemptToken(high: 6, low: 6)
            await agent.send(.log(LogChunk(attempt: stale, cursor: 0, data: "lie\n")))
            await agent.send(
                .finished(
                    Finished(
                        attempt: stale, outcome: Outcome(), logBytes: 4,
                        logSHA256: SHA256.hex("lie\n".utf8), artifacts: [],
                        startedUnixMilliseconds: 0, endedUnixMilliseconds: 0)))
            await agent.end(token, .pass([1]))
            let passed = try await farm.wait(build, .passed)
            #expect(passed.attempt == token)
            #expect(await farm.logs.files[stale] == nil)
        }
    }
}
