import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// Builds for new images of parents.
@Suite(.timeLimit(.minutes(5))) struct ParentTests {
    private static func parents(_ names: String...) -> TriggerPlan {
        ScheduleFarm.plan { $0.parents = names }
    }

    private func submit(_ name: String, _ coordinator: Coordinator) async throws -> Build {
        try await coordinator.leading().submission.submit(
            guestOS: name, priority: 0, owner: nil, reason: "test", by: "anna")
    }

    private func begun(_ farm: ScheduleFarm, _ names: String...) async throws {
        try await farm.until("the parents are known", step: 1_000) {
            for name in names where try await farm.state(name)?.parentBuilds.isEmpty ?? true {
                return false
            }
            return true
        }
    }

    @Test("A new image of a parent builds its children, and theirs")
    func chain() async throws {
        let farm = try await ScheduleFarm([
            "debian": TriggerPlan(), "web": Self.parents("debian"), "shop": Self.parents("web"),
        ])
        try await farm.farm.run { coordinator in
            try await begun(farm, "web", "shop")
            #expect(try await farm.builds("web").isEmpty)
            _ = try await submit("debian", coordinator)
            try await farm.until("the last child", step: 1_000) {
                try await farm.builds("shop").first?.state == .passed
            }
            let web = try await farm.builds("web")
            #expect(web.count == 1 && web.first?.updateContents == "parent debian:1")
            #expect(web.first?.plan.origin?.kind == .parent)
            #expect(try await farm.builds("shop").map(\.updateContents) == ["parent web:1"])
            await farm.pass(10 * 60_000)
            #expect(try await farm.builds("shop").count == 1)
        }
    }

    @Test("A child that is reached by two ways is built once, after both")
    func diamond() async throws {
        let farm = try await ScheduleFarm([
            "debian": TriggerPlan(), "left": Self.parents("debian"),
            "right": Self.parents("debian"), "both": Self.parents("left", "right", "debian"),
        ])
        try await farm.farm.run { coordinator in
            try await begun(farm, "left", "right", "both")
            for round in 1...3 {
                _ = try await submit("debian", coordinator)
                try await farm.until("round \(round)", step: 1_000) {
                    try await farm.builds("both").filter { $0.state == .passed }.count == round
                }
                await farm.pass(10 * 60_000)
                #expect(try await farm.builds("both").count == round)
                let newest = try #require(try await farm.builds("both").first)
                #expect(
                    newest.updateContents
                        == "parent left:\(round), right:\(round), debian:\(round)")
            }
        }
    }

    @Test("A parent whose build failed builds no child, and the child says so")
    func failed() async throws {
        let farm = try await ScheduleFarm([
            "debian": ScheduleFarm.hourlyPlan(), "web": Self.parents("debian"),
        ])
        let fault = Fault(.template, .packerFailed, "exit 1")
        await farm.farm.agents[0].change { $0.plan = .fail(fault) }
        try await farm.farm.run { _ in
            try await begun(farm, "web")
            try await farm.until("the reason") { try await farm.state("web")?.last != nil }
            let last = try #require(try await farm.state("web")?.last)
            #expect(last.outcome == .skipped)
            #expect(last.reason == "the parent's build debian:1 failed")
            #expect(try await farm.builds("web").isEmpty)
            await farm.farm.agents[0].change { $0.plan = .pass([1]) }
            try await farm.until("it is built later") {
                try await farm.builds("web").first?.state == .passed
            }
        }
    }

    @Test("A cycle builds nothing, and is shown with its path")
    func cycle() async throws {
        let farm = try await ScheduleFarm([
            "debian": Self.parents("web"), "web": Self.parents("shop"),
            "shop": Self.parents("debian"), "alone": Self.parents("alone"),
            "lost": Self.parents("nobody"),
        ])
        try await farm.farm.run { coordinator in
            try await farm.known("debian", "web", "shop", "alone", "lost")
            _ = try await submit("debian", coordinator)
            try await farm.until("it passes", step: 1_000) {
                try await farm.builds().first?.state == .passed
            }
            await farm.pass(10 * 60_000)
            #expect(try await farm.builds("web").isEmpty)
            #expect(try await farm.builds("shop").isEmpty)
            let schedules = try coordinator.leading().schedules
            let problem = await schedules.report(ofGuestOS: "os-shop")?.problem
            #expect(problem?.contains("shop → debian → web → shop is a cycle") == true)
            let alone = await schedules.report(ofGuestOS: "os-alone")?.problem
            #expect(alone?.contains("alone → alone is a cycle") == true)
            let lost = await schedules.report(ofGuestOS: "os-lost")?.problem
            #expect(lost?.contains("'nobody'") == true)
        }
    }

    @Test("A parent that passes while no coordinator leads builds its child later")
    func away() async throws {
        let farm = try await ScheduleFarm([
            "debian": TriggerPlan(), "web": Self.parents("debian"),
        ])
        try await farm.farm.run { _ in try await begun(farm, "web") }
        // Without schedules, as if nobody had noticed.
        farm.farm.timeZones.withLock { $0 = nil }
        try await farm.farm.run { coordinator in
            let build = try await submit("debian", coordinator)
            try await farm.farm.wait(build, .passed, passing: 1_000)
        }
        farm.farm.timeZones.withLock { $0 = NoTimeZones() }
        try await farm.farm.run { _ in
            try await farm.until("the child", step: 1_000) {
                try await farm.builds("web").count == 1
            }
        }
    }
}
