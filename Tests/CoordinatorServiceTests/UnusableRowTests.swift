import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import TestSupport
import Testing

/// A row that becomes unusable while a coordinator leads.
@Suite struct UnusableRowTests {
    private let broken = StoreError(.unusable, "The row 'x' of builds cannot be used.")

    @Test("A queued build whose row breaks is set aside, and the next one runs")
    func queuedBuild() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, slots: 1, store: store)
        try await farm.run { coordinator in
            store.next(.claim) { throw broken }
            let first = try await farm.submit(coordinator)
            try await eventually("the build is set aside") {
                try await coordinator.leading().tracker.count == 0
            }
            let second = try await farm.submit(coordinator)
            try await farm.wait(second, .passed)
            #expect(try await store.build(id: first.id)?.state == .queued, "untouched")
        }
    }

    @Test("An attempt whose build's row breaks frees its host")
    func runningBuild() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, slots: 1, store: store)
        await farm.agents[0].change { $0.plan = .hang }
        try await farm.run { coordinator in
            _ = try await farm.submit(coordinator)
            let token = try await farm.attempt(on: farm.agents[0])
            for _ in 1...9 { store.next(.apply) { throw broken } }
            store.next(.find) { throw broken }
            await farm.agents[0].end(token, .pass([1]))
            try await eventually("the attempt is forgotten") {
                await farm.agents[0].tokens.isEmpty
            }
            store.mend()
            await farm.agents[0].change { $0.plan = .pass([1]) }
            let next = try await farm.submit(coordinator)
            try await farm.wait(next, .passed)
        }
    }
}
