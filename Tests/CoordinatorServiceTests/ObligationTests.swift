import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// What hosts and disks owe and never deliver: the coordinator ends the attempt itself.
@Suite(.timeLimit(.minutes(2))) struct ObligationTests {
    private static let minute: Int64 = 60_000

    /// Lets time pass until the faults of the build's attempts begin with this one.
    private func expectFault(
        _ farm: TestFarm, _ build: Build, _ fault: String, within minutes: Int64
    ) async throws {
        var passed: Int64 = 0
        try await eventually("the first fault is \(fault)") {
            await farm.clock.advance(milliseconds: Self.minute)
            passed += 1
            return try await farm.faults(build).first == fault
        }
        #expect(passed <= minutes)
    }

    @Test("An attempt whose host never reports its end is ended, and runs elsewhere")
    func stoppedSupervisor() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 1)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.runBuild { _, build in
            let token = try await farm.attempt(on: farm.agents[0])
            // The default limit of 4 h, 10 min of grace.
            try await expectFault(farm, build, "h0 host.overdue", within: 252)
            try await farm.wait(build, .passed, passing: 1_000)
            #expect(try await farm.faults(build) == ["h0 host.overdue", "h1 passed"])
            try await eventually("the host forgets the attempt") {
                await !farm.agents[0].tokens.contains(token)
            }
        }
    }

    @Test("An attempt that a host does not accept is ended")
    func silentStart() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 1)
        await farm.agents[0].change { $0.plan = .silence }
        try await farm.runBuild { _, build in
            try await expectFault(farm, build, "h0 host.overdue", within: 12)
            try await farm.wait(build, .passed, passing: 1_000)
        }
    }

    @Test("A cancelled build ends although its host does not stop it")
    func ignoredCancel() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        await farm.agents[0].change {
            $0.plan = .hang
            $0.ignoresCancel = true
        }
        try await farm.runBuild { coordinator, build in
            _ = try await farm.attempt(on: farm.agents[0])
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            try await farm.wait(build, .cancelled, passing: 10_000)
            let reason = try await farm.store.build(id: build.id)?.fault?.reason
            #expect(reason == "cancelled by anna; host h0 did not stop it within 300 s")
            await farm.agents[0].change { $0.plan = .pass([1]) }
            try await farm.wait(try await farm.submit(coordinator), .passed)
        }
    }

    @Test("A cancel request survives a restart, and so does its time limit")
    func cancelAcrossRestart() async throws {
        let farm = try await TestFarm(hosts: 1, slots: 1)
        await farm.agents[0].change {
            $0.plan = .hang
            $0.ignoresCancel = true
        }
        let first = try await farm.coordinator()
        try await farm.connected(first)
        let build = try await farm.submit(first)
        _ = try await farm.attempt(on: farm.agents[0])
        _ = try await first.leading().cancellation.cancel(build, by: "anna")
        await first.stop()
        try await farm.run { _ in
            try await farm.wait(build, .cancelled, passing: 10_000)
        }
    }

    @Test("An artifact with a name that cannot be published ends the build at once")
    func longName() async throws {
        let farm = try await TestFarm(hosts: 2)
        for agent in farm.agents {
            await agent.change {
                $0.imageFormat = .file
                $0.imageName = String(repeating: "n", count: 250)
            }
        }
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed)
            #expect(failed.fault?.code == .templateInvalid)
            #expect(failed.fault?.reason.contains("at most 255 are possible") == true)
            #expect(try await farm.store.attempts(ofBuild: build.id).count == 1)
        }
    }

    @Test("A web root that can never take the image ends the build with that reason")
    func impossiblePublication() async throws {
        let farm = try await TestFarm(hosts: 1)
        await farm.webRoot.breakForGood()
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed, passing: 10_000)
            #expect(failed.fault?.code == .publishFailed)
            let reason = try #require(failed.fault?.reason)
            #expect(reason.contains("the name is too long"))
            #expect(reason.contains("removed by hand"))
        }
    }

    @Test("A pull that is slower than the least rate is given up")
    func slowPull() async throws {
        let farm = try await TestFarm(hosts: 0)
        let progress = TransferProgress(totalBytes: 1 << 40, ports: farm.ports)
        func isOverdue() -> Bool {
            progress.isOverdue(quietMilliseconds: 1_000, bytesPerSecond: 100)
        }
        progress.begin(at: 500)
        await farm.clock.advance(milliseconds: 1_000)
        #expect(!isOverdue())
        _ = progress.add(200)
        await farm.clock.advance(milliseconds: 2_000)
        #expect(!isOverdue(), "200 bytes are worth 2 s")
        progress.pause()
        await farm.clock.advance(milliseconds: 60_000)
        #expect(!isOverdue(), "nothing is expected during a pause")
        progress.begin(at: 700)
        await farm.clock.advance(milliseconds: 1)
        #expect(isOverdue())
    }

    @Test("A removal that fails does not prevent the next ones")
    func failedPrune() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.retention.withLock { $0 = RetentionPolicy(goodImages: 1) }
        try await farm.run { coordinator in
            var builds: [Build] = []
            for _ in 0..<3 {
                let build = try await farm.submit(coordinator)
                builds.append(try await farm.wait(build, .passed, passing: 100))
            }
            await farm.webRoot.failRemove(1)
            let report = try await coordinator.leading().retention.run(by: "anna")
            #expect(report.failures.map(\.build) == ["debian:1"])
            #expect(report.choices.map(\.build.id) == [builds[1].id])
            let again = try await coordinator.leading().retention.run(by: "anna")
            #expect(again.failures.isEmpty)
            #expect(await farm.webRoot.published.map(\.build.id) == [builds[2].id])
        }
    }
}
