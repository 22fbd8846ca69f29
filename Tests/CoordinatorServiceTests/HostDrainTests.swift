import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import TestSupport
import Testing

/// Draining a host with a note, a deadline, and a test that follows.
@Suite("Draining hosts", .timeLimit(.minutes(2))) struct HostDrainTests {
    @Test("A drained host is explained by its note")
    func note() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let hosts = try coordinator.leading().hosts
            let host = try await hosts.drain("h0", note: "new disks", by: "anna")
            #expect(host.detail == "drained: new disks")
            let build = try await farm.submit(coordinator)
            let waiting = await coordinator.leader?.tracker.explain(build.id)
            #expect(waiting?.summary == "host h0 is drained: new disks")
            #expect(waiting?.remedy == "resume one: aibuild host resume h0")
            await #expect(throws: Refusal.self) {
                _ = try await hosts.drain("h0", note: "a\nb", by: "anna")
            }
            await #expect(throws: Refusal.self) {
                _ = try await hosts.drain("h0", deadlineSeconds: 31 * 86_400, by: "anna")
            }
            let entry = try await farm.store.audit(limit: 5).first { $0.action == "host.drain" }
            #expect(entry?.detail == "drained: no → yes, note: none → new disks")
        }
    }

    @Test("A drained host that is unreachable gives both reasons")
    func unreachable() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let hosts = try coordinator.leading().hosts
            _ = try await hosts.drain("h0", note: "new disks", by: "anna")
            await farm.agents[0].goAway()
            let host = try await eventually("it is seen to be away") {
                let host = try await hosts.snapshot("h0")
                return host.state == "unreachable" ? host : nil
            }
            #expect(host.detail.hasSuffix("; drained: new disks"), "\(host.detail)")
            #expect(host.detail.count > "; drained: new disks".count)
        }
    }

    @Test("The test of a build that a drained host has made runs there")
    func finishesTest() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.test(.of(["boot"]))
        await farm.agents[0].change {
            $0.plan = .hang
            $0.testPlan = .pass([])
        }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            let hosts = try coordinator.leading().hosts
            _ = try await hosts.drain("h0", by: "anna")
            await farm.agents[0].end(token, .pass([1, 2]))
            try await farm.wait(build, .passed)
        }
    }

    @Test("What still runs at the deadline is begun anew on another host")
    func deadline() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 1)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            let first = try await eventually("it runs") {
                try await farm.store.build(id: build.id)?.host
            }
            let other = first == "h0" ? "h1" : "h0"
            let hosts = try coordinator.leading().hosts
            let plan = try await hosts.drainPlan(first)
            #expect(plan.finishes.map(\.0.id) == [build.id] && plan.strands.isEmpty)
            #expect(plan.finishes[0].1.hasOtherHost)
            _ = try await hosts.drain(first, deadlineSeconds: 60, by: "anna")
            try await eventually("it moves") {
                await farm.clock.advance(milliseconds: 2_000)
                return try await farm.store.build(id: build.id)?.host == other
            }
            let attempt = try await farm.store.attempts(ofBuild: build.id).first
            let fault = try #require(attempt?.outcome?.fault)
            #expect(fault.code == .hostRefused)
            #expect(fault.reason.contains("is drained and its deadline has passed"))
            let entry = try await farm.store.audit(limit: 9).first { $0.action == "host.evict" }
            #expect(entry?.subject == first && entry?.detail == "1 build")
            let mover = try #require(farm.agents.first { $0.name == other })
            await mover.end(try await farm.attempt(on: mover), .pass([1]))
            try await farm.wait(build, .passed, passing: 500)
        }
    }

    @Test("A deadline that passes while nobody leads is kept by the next coordinator")
    func deadlineAfterRestart() async throws {
        let farm = try await TestFarm(hosts: 2, slots: 1)
        for agent in farm.agents { await agent.change { $0.plan = .hang } }
        var build: Build?
        try await farm.run { coordinator in
            let made = try await farm.submit(coordinator)
            let host = try await eventually("it runs") {
                try await farm.store.build(id: made.id)?.host
            }
            _ = try await coordinator.leading().hosts.drain(host, deadlineSeconds: 60, by: "anna")
            build = try await farm.store.build(id: made.id)
        }
        await farm.clock.advance(milliseconds: 120_000)
        let begun = try #require(build)
        try await farm.run { _ in
            try await eventually("it moves") {
                await farm.clock.advance(milliseconds: 2_000)
                let host = try await farm.store.build(id: begun.id)?.host
                return host != nil && host != begun.host
            }
        }
    }
}
