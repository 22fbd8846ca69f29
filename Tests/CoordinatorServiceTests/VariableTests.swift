import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// Variables by precedence, on their way to a host.
@Suite(.timeLimit(.minutes(2))) struct VariableTests {
    private func started(_ farm: TestFarm) async -> [Start] {
        await farm.agents[0].said.compactMap { message in
            if case .start(let start) = message { start } else { nil }
        }
    }

    private func set(_ variables: [String: String], _ coordinator: Coordinator) async throws {
        _ = try await coordinator.leading().hosts.setVariables(
            variables, ofHost: "h0", by: "anna")
    }

    @Test("A build gets the variables of the host that it runs on, and its attempt records them")
    func host() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.variables(["mirror": "image", "size": "1"])
        try await farm.run { coordinator in
            try await set(["mirror": "host", "own": "x"], coordinator)
            let first = try await farm.submit(coordinator)
            try await farm.wait(first, .passed)
            #expect(
                await started(farm).first?.recipe.variables
                    == ["mirror": "host", "size": "1", "own": "x"])
            #expect(first.plan.recipe.variables == ["mirror": "image", "size": "1"])
            #expect(
                try await farm.store.attempts(ofBuild: first.id).map(\.hostVariables)
                    == [["mirror": "host", "own": "x"]])
            // What the host has now is for new attempts.
            try await set(["size": "2"], coordinator)
            let ended = try #require(try await farm.store.build(id: first.id))
            let again = try await coordinator.leading().submission.retry(ended, by: "anna")
            try await farm.wait(again, .passed)
            #expect(
                await started(farm).last?.recipe.variables == ["mirror": "image", "size": "2"])
            #expect(again.plan.recipe.variables == first.plan.recipe.variables)
        }
    }

    @Test("--var of a build goes before the host, and the host before the guest OS")
    func request() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.variables(["mirror": "image", "size": "1"])
        try await farm.run { coordinator in
            try await set(["mirror": "host", "size": "2"], coordinator)
            let build = try await coordinator.leading().submission.submit(
                guestOS: "debian", PlanChange(variables: ["mirror": "mine"]), priority: 0,
                owner: nil, reason: "", by: "anna")
            #expect(build.plan.variableOrigins?["mirror"] == .request)
            try await farm.wait(build, .passed)
            #expect(
                await started(farm).last?.recipe.variables == ["mirror": "mine", "size": "2"])
        }
    }

    @Test("A schedule's variables go before those of the host, and are those of its builds alone")
    func schedule() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        farm.farm.templates.variables(["mirror": "image"])
        farm.farm.templates.triggerVariables.withLock { $0[.schedule] = ["mirror": "nightly"] }
        try await farm.farm.run { coordinator in
            try await set(["mirror": "host"], coordinator)
            try await farm.until("a build") { try await farm.builds().count == 1 }
            let build = try #require(try await farm.builds().first)
            #expect(build.plan.recipe.variables == ["mirror": "nightly"])
            #expect(build.plan.variableOrigins == ["mirror": .trigger])
            try await farm.farm.wait(build, .passed, passing: 1_000)
            #expect(await started(farm.farm).last?.recipe.variables == ["mirror": "nightly"])
            let other = try await farm.farm.submit(coordinator)
            #expect(other.plan.recipe.variables == ["mirror": "image"])
        }
    }

    @Test("Variables of a host that no image could have are refused")
    func refused() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            let large = String(repeating: "x", count: ProtocolLimits.variableValueBytes + 1)
            let many = (0...ProtocolLimits.variables).map { ("v\($0)", "") }
            let refused: [[String: String]] = [
                ["a b": "c"], ["a": large], Dictionary(uniqueKeysWithValues: many),
            ]
            for variables in refused {
                await #expect(throws: Refusal.self) { try await set(variables, coordinator) }
            }
            let hosts = try await farm.store.hosts()
            #expect(hosts.count == 1 && hosts.allSatisfy(\.variables.isEmpty))
        }
    }
}
