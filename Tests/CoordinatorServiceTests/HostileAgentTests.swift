import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// An agent that was taken over says what it likes; the coordinator and the other hosts go on.
@Suite struct HostileAgentTests {
    private static func report(_ number: Int64) -> HostReport {
        HostReport(
            slots: Int(number), vcpus: Int(number), memoryBytes: number, diskFreeBytes: number,
            diskTotalBytes: number, accelerators: [.tcg], tags: [], unixMilliseconds: number)
    }

    private static func finished(
        _ token: AttemptToken, _ sizes: [Int64], log: [UInt8] = []
    ) -> AgentMessage {
        let artifacts = sizes.enumerated().map { index, size in
            Artifact(
                name: "disk\(index).raw", sizeBytes: size,
                sha256: String(repeating: "a", count: 64), format: .raw,
                virtualSizeBytes: size)
        }
        return .finished(
            Finished(
                attempt: token, outcome: Outcome(), logBytes: Int64(log.count),
                logSHA256: SHA256.hex(log),
                artifacts: artifacts, startedUnixMilliseconds: 0, endedUnixMilliseconds: 1))
    }

    @Test(
        "A host that reports impossible numbers harms neither the coordinator nor other hosts",
        arguments: [Int64.min, -1, .max])
    func impossibleReports(number: Int64) async throws {
        let farm = try await TestFarm(hosts: 2)
        let (hostile, honest) = (farm.agents[0], farm.agents[1])
        try await farm.run { coordinator in
            await honest.change { $0.plan = .hang }
            await hostile.change { $0.report = Self.report(number) }
            await hostile.cut()
            try await eventually("it is connected again") {
                // It may have been noticed already that the session is gone, and a delay runs.
                await farm.clock.advance(milliseconds: 1_000)
                return try await coordinator.leading().hosts.snapshot("h0").state == "ready"
            }
            await hostile.send(.host(Self.report(number)))
            await hostile.change { $0.plan = .hang }
            let first = try await farm.submit(coordinator)
            _ = try await farm.submit(coordinator)
            await hostile.send(.host(Self.report(number)))
            for host in ["h0", "h1"] {
                _ = try await coordinator.leading().hosts.snapshot(host)
            }
            await hostile.goAway()
            let token = try await farm.attempt(on: honest)
            await honest.end(token, .pass([1]))
            try await eventually("the honest host's build has passed") {
                await farm.clock.advance(milliseconds: 1_000)
                return await !farm.webRoot.published.isEmpty
            }
            _ = first
        }
    }

    @Test(
        "A result with an impossible size is the host's fault, and the build goes elsewhere",
        arguments: [[Int64.max, .max], [1 << 62], [-1], [.min]])
    func impossibleSizes(sizes: [Int64]) async throws {
        let farm = try await TestFarm(hosts: 2)
        let hostile = farm.agents[0]
        await hostile.change { $0.plan = .hang }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: hostile)
            await hostile.send(Self.finished(token, sizes))
            try await farm.wait(build, .passed, passing: 1_000)
            #expect(try await farm.faults(build) == ["h0 host.error", "h1 passed"])
        }
    }

    /// The log of an attempt that hangs, once it is stored.
    private func log(_ farm: TestFarm, _ token: AttemptToken) async throws -> [UInt8] {
        try await eventually("the log is stored") { await farm.logs.files[token] }
    }

    @Test(
        "Artifacts beyond what the build has reserved end the attempt before a byte is pulled",
        arguments: [[(4 << 30) + 1], [4 << 30, 1], [1 << 50, 1 << 50]])
    func moreThanReserved(sizes: [Int64]) async throws {
        let farm = try await TestFarm(hosts: 1)
        let hostile = farm.agents[0]
        await hostile.change { $0.plan = .hang }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            #expect(build.plan.requirements.diskBytes == 4 << 30)
            let token = try await farm.attempt(on: hostile)
            await hostile.send(Self.finished(token, sizes, log: try await log(farm, token)))
            let failed = try await farm.wait(build, .failed, passing: 1_000)
            #expect(failed.fault?.class == .template && failed.attemptCount == 1)
            let reason = failed.fault?.reason ?? ""
            #expect(reason.contains("have \(sizes.reduce(0, +)) bytes"), "\(reason)")
            #expect(reason.contains("raise requirements: disk in aibuild.yml"), "\(reason)")
            #expect(await farm.webRoot.opened.isEmpty)
            #expect(await farm.webRoot.published.isEmpty)
        }
    }

    @Test("Artifacts of exactly what the build has reserved are pulled")
    func asMuchAsReserved() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            _ = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            let log = try await log(farm, token)
            await farm.agents[0].send(Self.finished(token, [(4 << 30) - 1, 1], log: log))
            try await eventually("the first one is pulled") {
                await farm.webRoot.opened.contains(token)
            }
        }
    }

    @Test(
        "A piece of the log at an impossible place is the host's fault",
        arguments: [Int64.min, -1, .max])
    func impossibleCursors(cursor: Int64) async throws {
        let farm = try await TestFarm(hosts: 2)
        let hostile = farm.agents[0]
        await hostile.change { $0.plan = .hang }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: hostile)
            await hostile.send(.log(LogChunk(attempt: token, cursor: cursor, data: "lie\n")))
            try await farm.wait(build, .passed, passing: 1_000)
            #expect(try await farm.faults(build) == ["h0 host.error", "h1 passed"])
        }
    }

    @Test("A host that sends without pause is disconnected, and connected ever less often")
    func flood() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let budget = farm.ports.limits.messageBurst
            for _ in 0...budget + 10 { await farm.agents[0].send(.pong(Ping(id: 1))) }
            try await eventually("the session is over") {
                try await coordinator.leading().hosts.snapshot("h0").detail
                    .contains("that say nothing new")
            }
            await farm.clock.advance(milliseconds: 2_000)
            try await farm.connected(coordinator)
            try await farm.wait(try await farm.submit(coordinator), .passed)
        }
    }

    @Test("Sessions that achieve nothing become rarer, and the host is lost in time")
    func uselessSessions() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            _ = try await farm.attempt(on: farm.agents[0])
            await farm.agents[0].change { $0.hangsUp = true }
            await farm.agents[0].cut()
            let before = farm.gateway.opens("h0")
            var seconds = 0
            try await eventually("the host is lost") {
                await farm.clock.advance(milliseconds: 5_000)
                seconds += 5
                return try await farm.faults(build).first == "h0 host.lost"
            }
            // Ten minutes, and what the clock runs ahead of the coordinator on a busy machine.
            #expect(seconds < 1_800)
            #expect(farm.gateway.opens("h0") - before < 60)
            try await farm.wait(build, .passed, passing: 1_000)
        }
    }

    @Test("Reports without a pause are looked at once a second, and the last one counts")
    func reportsWithoutPause() async throws {
        let farm = try await TestFarm(hosts: 1)
        let agent = farm.agents[0]
        await agent.change { $0.plan = .hang }
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .building)
            let token = try await farm.attempt(on: agent)
            func vcpus() async throws -> Int? {
                try await coordinator.leading().hosts.snapshot("h0").report?.vcpus
            }
            await farm.clock.advance(milliseconds: 1_000)
            for number in 3...50 { await agent.send(.host(Self.report(Int64(number)))) }
            await agent.send(
                .phase(Phase(attempt: token, state: .building, detail: "after all reports")))
            try await eventually("all of them have arrived") {
                try await coordinator.find(build.id)?.1.phase == "after all reports"
            }
            #expect(try await vcpus() == 3)
            try await eventually("the last one counts") {
                await farm.clock.advance(milliseconds: 1_000)
                return try await vcpus() == 50
            }
        }
    }
}
