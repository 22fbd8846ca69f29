import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import TestSupport
import Testing

/// Packer looks at the template of a build that somebody submits, before it is queued.
@Suite struct TemplateCheckTests {
    private static let rejected = Fault(
        .template, .packerRejected, "Packer does not accept the template:\nt.json: no")

    private func run(
        hosts: Int = 1, _ body: (TestFarm, Coordinator) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: hosts)
        farm.templates.usePacker()
        try await farm.run { coordinator in
            try await eventually("all hosts are ready") {
                try await coordinator.leading().hosts.snapshots().allSatisfy {
                    $0.state == "ready"
                }
            }
            try await body(farm, coordinator)
        }
    }

    @Test("What Packer says against it is the answer, and nothing is queued")
    func rejection() async throws {
        try await run { farm, coordinator in
            farm.gateway.judge { _ in Self.rejected }
            let fault = await #expect(throws: TemplateFault.self) {
                try await farm.submit(coordinator)
            }
            #expect(fault?.message.contains("t.json: no\nHost h0 looked at it.") == true)
            let builds = try await farm.store.builds(BuildFilter(), limit: 10)
            #expect(builds.isEmpty)
        }
    }

    @Test("A template that Packer took is not looked at again")
    func isAskedOnce() async throws {
        try await run { farm, coordinator in
            for _ in 0..<2 { _ = try await farm.submit(coordinator) }
            #expect(farm.gateway.checks == ["h0"])
            farm.templates.variables(["a": "b"])
            _ = try await farm.submit(coordinator)
            #expect(farm.gateway.checks == ["h0", "h0"])
        }
    }

    @Test("A host that cannot tell is passed over, and the build is queued if none can")
    func hostsThatCannotTell() async throws {
        try await run(hosts: 2) { farm, coordinator in
            farm.gateway.judge { _ in throw HostFault(.refused, "busy") }
            let build = try await farm.submit(coordinator)
            #expect(Set(farm.gateway.checks) == ["h0", "h1"])
            try await farm.wait(build, .passed)
            let first = try #require(farm.gateway.checks.first)
            farm.gateway.judge { host in
                if host == first { throw HostFault(.refused, "busy") }
                return Self.rejected
            }
            for _ in 0..<2 {
                await #expect(throws: TemplateFault.self) { try await farm.submit(coordinator) }
            }
        }
    }

    @Test("Nobody waits longer than the limit for a host that does not answer")
    func silentHost() async throws {
        try await run { farm, coordinator in
            farm.gateway.holdChecks()
            async let submitted = farm.submit(coordinator)
            try await eventually("a host looks at it") { !farm.gateway.checks.isEmpty }
            let limits = farm.ports.limits
            try await eventually("it is queued") {
                await farm.clock.advance(milliseconds: limits.checkMilliseconds)
                return try await !farm.store.builds(BuildFilter(), limit: 1).isEmpty
            }
            try await farm.wait(try await submitted, .passed)
        }
    }

    @Test("A build that is not by Packer, or by a push, is queued at once")
    func others() async throws {
        let farm = try await TestFarm(hosts: 1, templateServer: FakeTemplateServer())
        try await farm.run { coordinator in
            _ = try await farm.submit(coordinator)
            #expect(farm.gateway.checks.isEmpty)
            farm.templates.usePacker()
            let leader = try coordinator.leading()
            _ = try await leader.guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            let pushed = try await farm.deliver(
                GitReport(.push, project: "aibuild/a_tpl", ref: "main", commit: "c0ffee"),
                coordinator)
            #expect(pushed.builds == ["a:1"])
            #expect(farm.gateway.checks.isEmpty)
        }
    }
}
