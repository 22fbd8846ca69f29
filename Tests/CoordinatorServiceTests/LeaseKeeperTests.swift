import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct LeaseKeeperTests {
    /// A store whose disk is full while the flag is set.
    private final class FullDisk: LeaseStore {
        let store = InMemoryStore()
        let isFull = Mutex(false)

        func campaign(_ candidate: Candidate) async throws -> Lease {
            if isFull.withLock(\.self) { throw StoreError(.unavailable, "the disk is full") }
            return await store.campaign(candidate)
        }

        func resign(_ epoch: LeaseEpoch) async throws { await store.resign(epoch) }
    }

    @Test("A leader whose renewal fails reports why, until one succeeds")
    func failedRenewalIsReported() async throws {
        let leases = FullDisk()
        let clock = ManualClock()
        let keeper = LeaseKeeper(
            leases: leases, clock: clock, id: "a", url: "http://a", limits: ServiceLimits())
        let run = Task { await keeper.run(lead: { _ in }, onReady: {}) }
        func eventuallyProblem(_ wanted: String?) async throws {
            try await eventually("the problem is \(wanted ?? "none")") {
                await clock.advance(milliseconds: 1500)
                return await keeper.problem == wanted
            }
        }
        try await eventually("it leads") { await keeper.standing != .standingBy(url: nil) }
        #expect(await keeper.problem == nil)
        leases.isFull.withLock { $0 = true }
        try await eventuallyProblem("the disk is full")
        leases.isFull.withLock { $0 = false }
        try await eventuallyProblem(nil)
        run.cancel()
        await run.value
    }
}
