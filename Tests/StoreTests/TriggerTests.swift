import CoordinatorCore
import Testing

/// What is kept of the triggers of guest OSes.
@Suite(.timeLimit(.minutes(3))) struct TriggerTests {
    private static func state(_ id: String) -> TriggerState {
        var plan = TriggerPlan()
        plan.schedule = TriggerPlan.Schedule(
            cron: "0 3 * * 1", timeZone: "Europe/Berlin", jitterSeconds: 1800)
        plan.parents = ["base"]
        plan.maxAgeSeconds = 7 * 86_400
        plan.baseImage = TriggerPlan.BaseImageWatch(
            url: "https://example.org/a", everySeconds: 600)
        var state = TriggerState(guestOSID: id, plan: plan)
        state.parentBuilds = ["base": "b1"]
        state.last = TriggerRun(
            atMilliseconds: 5, cause: "schedule", outcome: .skipped, reason: "why")
        return state
    }

    @Test(
        "A state is stored over the one that was read, and over no other",
        arguments: StoreKind.allCases)
    func compareAndSet(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            let guestOS = Samples.guestOS("ubuntu1604")
            try await leader.add(guestOS)
            #expect(try await store.triggerState(ofGuestOS: guestOS.id) == nil)
            var state = Self.state(guestOS.id)
            let first = try #require(try await leader.save(state))
            #expect(first.revision == 1)
            #expect(try await store.triggerState(ofGuestOS: guestOS.id) == first)
            state.doneUntilMilliseconds = 9
            #expect(try await leader.save(state) == nil, "it was read before the first change")
            var next = first
            next.doneUntilMilliseconds = 10
            #expect(try await leader.save(next)?.revision == 2)
            #expect(
                try await store.triggerState(ofGuestOS: guestOS.id)?.doneUntilMilliseconds == 10)
            #expect(try await leader.save(Self.state("unknown")) == nil)
        }
    }

    @Test("States are listed in pages, and go with their guest OS", arguments: StoreKind.allCases)
    func pages(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            for number in 1...5 {
                let guestOS = Samples.guestOS("os\(number)")
                try await leader.add(guestOS)
                _ = try await leader.save(Self.state(guestOS.id))
            }
            let all = try await StorePage.all {
                try await store.triggerStates(after: $0, limit: 2)
            }
            #expect(all.count == 5 && Set(all.map(\.guestOSID)).count == 5)
            try await leader.removeGuestOS(named: "os2")
            #expect(try await store.triggerStates(after: nil, limit: 9).rows.count == 4)
        }
    }
}
