import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Builds for profiles that are new or have changed.
@Suite(.timeLimit(.minutes(1))) struct ProfileTests {
    private func withFarm(
        _ source: FakeProfiles = FakeProfiles(), hosts: Int = 0,
        store: any Store & LeaseStore = InMemoryStore(),
        _ body: (TestFarm, Coordinator, FakeProfiles) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: hosts, store: store)
        let coordinator = Self.coordinator(farm, source)
        source.set("a", "sl 1")
        source.set("b", "sl 1")
        try await coordinator.lead(farm.epoch)
        do { try await body(farm, coordinator, source) } catch {
            await coordinator.stop()
            throw error
        }
        await coordinator.stop()
    }

    private static func coordinator(_ farm: TestFarm, _ source: FakeProfiles) -> Coordinator {
        var ports = farm.ports
        ports.profiles = source
        return Coordinator(ports: ports)
    }

    /// Two whole looks, so that what was set before is seen.
    private func look(_ farm: TestFarm, _ source: FakeProfiles) async throws {
        let looks = source.looks
        try await eventually("profiles are looked at") {
            if source.looks >= looks + 2 { return true }
            await farm.clock.advance(milliseconds: 30_000)
            return false
        }
    }

    /// Oldest first.
    private func builds(_ farm: TestFarm) async throws -> [Build] {
        try await farm.store.builds(BuildFilter(guestOS: "debian"), limit: 10).reversed()
    }

    private func deliveries(_ farm: TestFarm) async throws -> [Delivery] {
        try await farm.store.deliveries(DeliveryFilter(hook: "profiles"), limit: 10).reversed()
    }

    private func built(_ count: Int, _ farm: TestFarm) async throws -> [Build] {
        try await eventually("\(count) builds") {
            let builds = try await builds(farm)
            if builds.count >= count { return builds }
            await farm.clock.advance(milliseconds: 1_000)
            return nil
        }
    }

    @Test("The first look only remembers; a changed and a new profile are built, others are not")
    func changed() async throws {
        try await withFarm { farm, coordinator, source in
            try await look(farm, source)
            #expect(try await deliveries(farm).isEmpty)
            source.set("b", "sl 2")
            let build = try #require(try await built(1, farm).first)
            #expect(
                build.plan.change?.variables == [
                    "NAME": "b", "IMAGE": "0b10e583",
                    "METADATA":
                        #"{"AQ_OS":"sl","AQ_OSVERSION":"7x-x86_64","AQ_PERSONALITY":"web"}"#,
                ])
            #expect(build.updateContents == "profile b has changed")
            #expect(build.plan.origin?.kind == .profile && build.plan.origin?.project == "b")
            source.set("c", "sl 1")
            #expect(try await built(2, farm).last?.updateContents == "profile c is new")
            try await look(farm, source)
            #expect(try await builds(farm).count == 2)
            let told = try await deliveries(farm)
            #expect(told.map(\.state) == [.handled, .handled])
            #expect(told.map(\.event) == ["profile b has changed", "profile c is new"])
            let status = try await coordinator.leading().profiles.status
            #expect(status.count == 3 && status.problem == nil)
        }
    }

    @Test("The first look builds all, if it is configured to")
    func firstLook() async throws {
        try await withFarm(FakeProfiles(buildsAtFirst: true)) { farm, _, _ in
            let builds = try await built(2, farm)
            #expect(builds.map(\.updateContents).allSatisfy { $0.hasSuffix(" is new") })
        }
    }

    @Test("A profile that could not be read at the first look is remembered later, not built")
    func unreadAtFirst() async throws {
        let source = FakeProfiles()
        source.setUnreadable("b")
        try await withFarm(source) { farm, coordinator, _ in
            try await look(farm, source)
            #expect(try await coordinator.leading().profiles.status.problem == "b: no answer")
            source.setUnreadable("b", false)
            try await look(farm, source)
            #expect(source.seen?.profiles["b"]?.mark == "sl 1")
            #expect(try await deliveries(farm).isEmpty)
            source.set("b", "sl 2")
            #expect(try await built(1, farm).count == 1)
        }
    }

    @Test("With another selection, the profiles that it adds are remembered, not built")
    func selected() async throws {
        try await withFarm { farm, _, source in
            try await look(farm, source)
            source.set("b", nil)
            source.set("c", "sl 1")
            source.select("other")
            try await look(farm, source)
            #expect(try await deliveries(farm).isEmpty)
            #expect(source.seen?.profiles.keys.sorted() == ["a", "c"])
        }
    }

    @Test("A renamed profile is a new one, and the old name is gone; back unchanged, it is not new")
    func renamed() async throws {
        try await withFarm { farm, _, source in
            try await look(farm, source)
            source.set("b", nil)
            source.set("b2", "sl 1")
            _ = try await built(1, farm)
            try await look(farm, source)
            let told = try await deliveries(farm)
            #expect(told.map(\.event).sorted() == ["profile b is gone", "profile b2 is new"])
            #expect(told.map(\.state).sorted { $0.rawValue < $1.rawValue } == [.handled, .ignored])
            source.set("b", "sl 1")
            try await look(farm, source)
            #expect(try await deliveries(farm).count == 2)
        }
    }

    @Test("Of too many profiles, those that are gone are forgotten")
    func forgotten() async throws {
        let farm = try await TestFarm(hosts: 0)
        let source = FakeProfiles()
        for name in ["a", "b"] { source.set(name, "sl 1") }
        var ports = farm.ports
        ports.profiles = source
        ports.limits.profilesKept = 1
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        try await look(farm, source)
        source.set("b", nil)
        try await look(farm, source)
        await coordinator.stop()
        #expect(source.seen?.profiles.keys.sorted() == ["a"])
    }

    @Test("A list that suddenly has none is taken for a fault, and nothing is forgotten")
    func emptied() async throws {
        try await withFarm { farm, coordinator, source in
            try await look(farm, source)
            source.set("a", nil)
            source.set("b", nil)
            try await look(farm, source)
            #expect(
                try await coordinator.leading().profiles.status.problem?.hasPrefix(
                    "the list is empty, and had 2 profiles") == true)
            source.set("a", "sl 1")
            source.set("b", "sl 1")
            try await look(farm, source)
            #expect(try await deliveries(farm).isEmpty)
        }
    }

    @Test("A coordinator that ends before it remembers: the next one builds the change once")
    func restarted() async throws {
        let farm = try await TestFarm(hosts: 0)
        let source = FakeProfiles()
        source.set("a", "sl 1")
        let first = Self.coordinator(farm, source)
        // The template cannot be read, so that the build is not submitted.
        try await first.lead(farm.epoch)
        try await look(farm, source)
        farm.templates.fail(TemplateFault(.unavailable, "away"))
        source.forget(true)
        source.set("a", "sl 2")
        try await eventually("it was tried") {
            await farm.clock.advance(milliseconds: 10_000)
            return try await deliveries(farm).first?.tries ?? 0 > 0
        }
        await first.stop()
        #expect(source.seen?.profiles["a"]?.mark == "sl 1")
        #expect(try await builds(farm).isEmpty)
        source.forget(false)
        farm.templates.fail(nil)
        let second = Self.coordinator(farm, source)
        try await second.lead(try await farm.store.lead(milliseconds: 1))
        try await look(farm, source)
        _ = try await built(1, farm)
        try await look(farm, source)
        await second.stop()
        #expect(try await builds(farm).count == 1)
        #expect(try await deliveries(farm).map(\.builds) == [["debian:1"]])
        #expect(source.seen?.profiles["a"]?.mark == "sl 2")
    }

    @Test("A profile that changes twice, and back: the newest build takes the place of queued ones")
    func changedTwice() async throws {
        try await withFarm { farm, _, source in
            try await look(farm, source)
            for (count, text) in [(1, "sl 2"), (2, "sl 1"), (3, "sl 2")] {
                source.set("a", text)
                _ = try await built(count, farm)
            }
            try await eventually("older ones are cancelled") {
                try await builds(farm).map(\.state) == [.cancelled, .cancelled, .queued]
            }
            #expect(try await builds(farm)[1].fault?.reason == "superseded by debian:3")
            // Another profile's build is not older.
            source.set("b", "sl 2")
            _ = try await built(4, farm)
            #expect(try await builds(farm).suffix(2).map(\.state) == [.queued, .queued])
        }
    }

    @Test("What cannot be built is recorded with the reason, once")
    func skipped() async throws {
        try await withFarm { farm, _, source in
            try await look(farm, source)
            source.set("a", "windows 1")
            source.set("b", "{")
            try await look(farm, source)
            try await look(farm, source)
            let told = try await deliveries(farm)
            #expect(told.map(\.state) == [.ignored, .failed])
            #expect(
                told.map(\.outcome) == [
                    "nothing is built: source_images has no 'windows7x-x86_64'",
                    "nothing is built: it is no JSON object",
                ])
            source.setMap(#"{"DEFAULT": ["unknown.json", "debian.json"]}"#)
            source.set("a", "sl 3")
            _ = try await built(1, farm)
            try await eventually("the unknown one is refused") {
                try await deliveries(farm).contains {
                    $0.outcome == "there is no guest OS named 'unknown'"
                }
            }
        }
    }

    @Test("With a broken map nothing is remembered, so that nothing is missed")
    func brokenMap() async throws {
        try await withFarm { farm, coordinator, source in
            try await look(farm, source)
            source.setMap("{")
            source.set("a", "sl 2")
            try await eventually("it is said") {
                await farm.clock.advance(milliseconds: 30_000)
                return try await coordinator.leading().profiles.status.problem
                    == "template_map: the file is no JSON object"
            }
            source.setMap(#"{"DEFAULT": ["debian"]}"#)
            #expect(try await built(1, farm).count == 1)
        }
    }

    @Test("A look that takes too long goes on where it ended")
    func slow() async throws {
        let source = FakeProfiles()
        for name in ["c", "d", "e"] { source.set(name, "sl 1") }
        try await withFarm(source) { farm, coordinator, _ in
            try await look(farm, source)
            source.slow(farm.clock)
            for name in ["a", "b", "c", "d", "e"] { source.set(name, "sl 2") }
            _ = try await built(5, farm)
            source.slow(nil)
            #expect(Set(try await builds(farm).compactMap(\.plan.origin?.project)).count == 5)
        }
    }
}
