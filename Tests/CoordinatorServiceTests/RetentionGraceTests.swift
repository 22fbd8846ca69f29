import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// A policy that is switched on shows first.
@Suite("Retention shows first", .timeLimit(.minutes(2))) struct RetentionGraceTests {
    private let day: Int64 = 86_400_000

    /// A farm with two builds that passed, before any policy; then the next coordinator starts with
    /// one.
    private func switchedOn(
        _ body: (TestFarm, Leader, [Build]) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 1)
        var builds: [Build] = []
        try await farm.run { coordinator in
            for _ in 0..<2 {
                builds.append(
                    try await farm.wait(
                        try await farm.submit(coordinator), .passed, passing: 100))
            }
        }
        farm.retention.withLock { $0 = RetentionPolicy(goodImages: 1) }
        farm.retentionGraceMilliseconds.withLock { $0 = day }
        try await farm.run { try await body(farm, $0.leading(), builds) }
    }

    /// Three builds were removed before anybody could look.
    @Test("A restart with a new policy removes nothing for a day")
    func restart() async throws {
        try await switchedOn { farm, leader, builds in
            let shown = try await RetentionPlan(ports: farm.ports).report()
            #expect(shown.choices.map(\.build.id) == [builds[0].id])
            let begins = try #require(shown.beginsMilliseconds)
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.retention.run(by: "anna")
            }
            #expect(refusal?.description.contains("aibuild retention enable") == true)
            for _ in 0..<5 { await farm.clock.advance(milliseconds: day / 6) }
            #expect(await farm.webRoot.published.count == 2)
            try await eventually("the oldest image goes after the delay") {
                await farm.clock.advance(milliseconds: 600_000)
                return await farm.webRoot.published.map(\.build.id) == [builds[1].id]
            }
            #expect(farm.clock.unixMilliseconds() >= begins)
        }
    }

    @Test("A person lets it begin at once")
    func enable() async throws {
        try await switchedOn { farm, leader, builds in
            let report = try await leader.retention.enable(by: "anna")
            #expect(report.choices.map(\.build.id) == [builds[0].id])
            #expect(report.beginsMilliseconds == nil)
            try await eventually("the oldest image goes") {
                await farm.clock.advance(milliseconds: 60_000)
                return await farm.webRoot.published.map(\.build.id) == [builds[1].id]
            }
            let actions = try await farm.store.audit(limit: 9).map { "\($0.actor) \($0.action)" }
            #expect(actions.contains("anna retention.enable"))
        }
    }

    @Test("A policy is tried out without being configured")
    func tryOut() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.run { coordinator in
            for _ in 0..<2 {
                try await farm.wait(try await farm.submit(coordinator), .passed, passing: 100)
            }
            let plan = RetentionPlan(ports: farm.ports)
            await #expect(throws: Refusal.self) { _ = try await plan.report() }
            let report = try await plan.report(RetentionPolicyChange(goodImages: 1))
            #expect(report.choices.count == 1 && report.policy.failedDays == 30)
            await #expect(throws: Refusal.self) {
                _ = try await coordinator.leading().retention.enable(by: "anna")
            }
        }
    }
}
