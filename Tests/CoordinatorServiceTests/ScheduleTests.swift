import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Builds by schedules, across restarts, takeovers and changes of the clock.
@Suite(.timeLimit(.minutes(5))) struct ScheduleTests {
    private static let hour = ScheduleFarm.hour

    @Test("A schedule builds its guest OS at its time, and says why")
    func schedule() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        try await farm.farm.run { _ in
            try await farm.known("debian")
            #expect(try await farm.builds().isEmpty, "nothing is built for the time before")
            try await farm.until("a build") { try await farm.builds().count == 1 }
            let build = try #require(try await farm.builds().first)
            #expect(build.updateContents == "schedule 0 * * * * (UTC)")
            #expect(build.plan.origin?.kind == .schedule && build.owner == "team")
            // Time goes on while the build is submitted.
            #expect(build.submittedMilliseconds % Self.hour < Self.hour / 4)
            try await farm.until("a second build") { try await farm.builds().count == 2 }
            let second = try #require(try await farm.builds().first)
            #expect(second.submittedMilliseconds - build.submittedMilliseconds > Self.hour / 2)
            #expect(try await farm.state()?.last?.build == "debian:2")
        }
    }

    @Test("The delay of a schedule is kept")
    func jitter() async throws {
        let plan = ScheduleFarm.hourlyPlan(jitter: 1800)
        let farm = try await ScheduleFarm(["debian": plan])
        let delay = try #require(plan.schedule?.delayMilliseconds(ofGuestOS: "os-1"))
        try await farm.farm.run { _ in
            try await farm.until("a build") { try await farm.builds().count == 1 }
            let at = try #require(try await farm.builds().first).submittedMilliseconds % Self.hour
            #expect((delay..<delay + Self.hour / 4).contains(at), "\(delay) \(at)")
        }
    }

    @Test("Runs that were missed are one, and the next one comes at its time")
    func missed() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        try await farm.farm.run { _ in try await farm.known("debian") }
        farm.farm.clock.jump(milliseconds: 5 * Self.hour)
        try await farm.farm.run { _ in
            try await farm.until("a build", step: 1_000) { try await farm.builds().count == 1 }
            await farm.pass(2 * 60_000)
            #expect(try await farm.builds().count == 1)
            #expect(try await farm.state()?.last?.build == "debian:1", "the others are no runs")
            try await farm.until("the next") { try await farm.builds().count == 2 }
            let next = try #require(try await farm.builds().first)
            #expect(next.submittedMilliseconds % Self.hour < Self.hour / 4)
        }
    }

    @Test("A clock that is set back over a run does not repeat it")
    func setBack() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        try await farm.farm.run { _ in
            try await farm.until("a build") { try await farm.builds().count == 1 }
            farm.farm.clock.jump(milliseconds: -Self.hour / 2)
            await farm.pass(Self.hour * 3 / 4)
            #expect(try await farm.builds().count == 1)
            try await farm.until("the next") { try await farm.builds().count == 2 }
        }
    }

    @Test("Leaders that take turns, one of them before it recorded a run, run each occasion once")
    func leaders() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        var before: TriggerState?
        for count in 1...3 {
            try await farm.farm.run { _ in
                try await farm.known("debian")
                before = try await farm.state()
                try await farm.until("build \(count)") {
                    try await farm.builds().count == count
                }
                try await farm.until("it is recorded", step: 1) {
                    try await farm.state()?.last?.build == "debian:\(count)"
                }
            }
            // As if this leader had ended between the build and its record.
            var state = try #require(try await farm.state())
            state.doneUntilMilliseconds = try #require(before).doneUntilMilliseconds
            state.last = nil
            _ = try #require(try await farm.farm.leader.save(state))
        }
        try await farm.farm.run { _ in
            try await farm.until("it is recorded again", step: 1_000) {
                try await farm.state()?.last?.build == "debian:3"
            }
            #expect(try await farm.builds().count == 3)
        }
    }

    @Test("A run is skipped while a build is under way, and the reason is recorded")
    func skipped() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        await farm.farm.agents[0].change { $0.plan = .hang }
        try await farm.farm.run { _ in
            try await farm.until("a run is skipped") {
                try await farm.state()?.last?.outcome == .skipped
            }
            #expect(try await farm.state()?.last?.reason?.hasPrefix("build debian:1 is ") == true)
            #expect(try await farm.builds().count == 1)
        }
    }

    @Test("A repository that is away is tried again before the next occasion, and shown meanwhile")
    func away() async throws {
        let farm = try await ScheduleFarm(["debian": ScheduleFarm.hourlyPlan()])
        try await farm.farm.run { _ in
            try await farm.known("debian")
            farm.farm.templates.fail(TemplateFault(.unavailable, "no route to Git"))
            try await farm.until("a failure") {
                try await farm.state()?.last?.outcome == .failed
            }
            #expect(try await farm.state()?.last?.reason?.contains("no route to Git") == true)
            farm.farm.templates.fail(nil)
            let failed = farm.farm.clock.unixMilliseconds()
            try await farm.until("a build") { try await farm.builds().count == 1 }
            let build = try #require(try await farm.builds().first)
            #expect(build.submittedMilliseconds - failed < Self.hour / 2)
        }
    }

    @Test("A schedule that was removed, or whose guest OS was retired, builds nothing")
    func gone() async throws {
        let farm = try await ScheduleFarm([
            "debian": ScheduleFarm.hourlyPlan(), "other": ScheduleFarm.hourlyPlan(),
        ])
        try await farm.farm.run { coordinator in
            try await farm.known("debian", "other")
            // The coordinator knows the old schedule when its time comes.
            farm.farm.templates.set(TriggerPlan(), of: "debian")
            var other = try #require(try await farm.farm.store.guestOS(named: "other"))
            other.isRetired = true
            try await farm.farm.leader.update(other)
            try await coordinator.leading().schedules.catalogChanged()
            await farm.pass(2 * Self.hour)
            #expect(try await farm.builds().isEmpty)
            #expect(try await farm.builds("other").isEmpty)
        }
    }

    @Test("An image that becomes too old is built, and one that was built in time is not")
    func age() async throws {
        let plan = ScheduleFarm.plan { $0.maxAgeSeconds = 4 * 3600 }
        let farm = try await ScheduleFarm(["debian": plan])
        try await farm.farm.run { coordinator in
            try await farm.known("debian")
            await farm.pass(3 * Self.hour)
            let build = try await farm.farm.submit(coordinator)
            try await farm.farm.wait(build, .passed, passing: 1_000)
            await farm.pass(3 * Self.hour)
            #expect(try await farm.builds().count == 1)
            try await farm.until("a build") { try await farm.builds().count == 2 }
            let second = try #require(try await farm.builds().first)
            #expect(second.updateContents == "max_age 4h" && second.plan.origin?.kind == .age)
            let age = second.submittedMilliseconds - build.submittedMilliseconds
            #expect((4 * Self.hour..<4 * Self.hour + 300_000).contains(age), "\(age)")
        }
    }

    @Test(
        "A base image or package source that changes at its address builds the guest OS once",
        arguments: Watch.Kind.allCases)
    func watched(_ kind: Watch.Kind) async throws {
        let plan = ScheduleFarm.plan {
            switch kind {
            case .baseImage:
                $0.baseImage = .init(url: "https://example.org/a", everySeconds: 3600)
            case .packages:
                $0.packages = PackageWatch(
                    sources: [PackageSource(dnf: "https://example.org/a")], everySeconds: 3600)
            }
        }
        let farm = try await ScheduleFarm(["debian": plan])
        try await farm.farm.run { _ in
            try await farm.until("it is known") { try await farm.state()?[kind].mark == "ETag 1" }
            await farm.pass(3 * Self.hour)
            #expect(try await farm.builds().isEmpty)
            farm.farm.templates.setMark("ETag 2")
            try await farm.until("a build") { try await farm.builds().count == 1 }
            let build = try #require(try await farm.builds().first)
            let cause = kind == .packages ? "new packages" : "new base image"
            #expect(build.updateContents == cause && build.plan.isPublished)
            await farm.pass(3 * Self.hour)
            #expect(try await farm.builds().count == 1)
            #expect(try await farm.state()?[kind].mark == "ETag 2")
        }
    }
}
