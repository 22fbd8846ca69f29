import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Deliveries whose coordinator ends in the middle, or that are very many.
@Suite(.timeLimit(.minutes(3))) struct DeliveryFaultTests {
    private func push(_ commit: String) -> GitReport {
        GitReport(
            .push, project: "aibuild/a_tpl", ref: "main", commit: commit, defaultBranch: "main")
    }

    private func farm(_ store: any Store & LeaseStore = InMemoryStore()) async throws -> TestFarm {
        let farm = try await TestFarm(
            hosts: 0, store: store, templateServer: FakeTemplateServer())
        var wanted = ImageTriggers()
        wanted.supersede = true
        farm.templates.set(wanted)
        try await farm.run { coordinator in
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            let first = try await farm.deliver(push("c0ffee"), coordinator)
            #expect(first.builds == ["a:1"])
        }
        return farm
    }

    @Test("A coordinator may end before and after every step of a delivery: one build comes of it")
    func endsAnywhere() async throws {
        var steps = 0
        var survived = false
        while !survived {
            steps += 1
            try #require(steps < 200, "a delivery has an end")
            let farm = try await farm()
            farm.templates.commit("c1")
            let stored = try await farm.receive(push("c1"))
            let life = Life(steps: steps)
            if let mortal = try? await farm.coordinator(life) {
                survived = try await eventually("it ended, or handled the delivery") {
                    let state = try await farm.store.delivery(id: stored.id)?.state
                    return life.hasEnded ? false : state == .handled ? true : nil
                }
                life.end()
                await mortal.stop()
            }
            try await farm.run { _ in
                let ended = try await farm.handled(stored)
                #expect(ended.state == .handled && ended.builds == ["a:2"], "after \(steps) steps")
                let builds = try await farm.store.builds(BuildFilter(guestOS: "a"), limit: 9)
                let states = builds.sorted { $0.number < $1.number }.map(\.state)
                #expect(states == [.cancelled, .queued], "after \(steps) steps: \(states)")
            }
        }
        #expect(steps > 5, "it has steps: \(steps)")
    }

    @Test("A thousand pushes while nobody leads leave one build in the queue, of the newest commit")
    func manyPushes() async throws {
        let farm = try await farm()
        var last: Delivery?
        for number in 1...1_000 { last = try await farm.receive(push("c\(number)")) }
        farm.templates.commit("c1000")
        let newest = try #require(last)
        try await farm.run { _ in
            let ended = try await farm.handled(newest)
            // An earlier one may have fetched the newest commit already.
            #expect([.handled, .ignored].contains(ended.state), "\(ended.outcome)")
            let queued = try await farm.store.builds(
                BuildFilter(guestOS: "a", states: [.queued]), limit: 9)
            #expect(queued.map(\.plan.commit) == ["c1000"])
            // One for each page of deliveries at most, and none for each push.
            #expect((queued.first?.number ?? 99) < 10)
            let due = try await farm.store.dueDeliveries(
                atMilliseconds: farm.clock.unixMilliseconds(), after: nil, limit: 9)
            #expect(due.isEmpty)
        }
    }
}
