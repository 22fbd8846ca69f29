import BuildProtocol
import CoordinatorCore
import Synchronization

/// The life of one coordinator process. It may be made to end after so many steps, a step being the
/// moment before or after an effect on the world: from then on it reaches nothing any more.
final class Life: Sendable {
    struct Ended: Error {}

    private struct State {
        var stepsLeft: Int?
        var hasEnded = false
        /// Until when the process cannot renew its lease, though it reaches everything else.
        var leaseOutage: Int64 = 0
    }

    let name: String
    private let state = Mutex(State())

    init(_ name: String) { self.name = name }

    var hasEnded: Bool { state.withLock(\.hasEnded) }
    var isDoomed: Bool { state.withLock { $0.stepsLeft != nil || $0.hasEnded } }

    func end() { state.withLock { $0.hasEnded = true } }

    func end(afterSteps steps: Int) { state.withLock { $0.stepsLeft = steps } }

    func loseLease(until monotonicMilliseconds: Int64) {
        state.withLock { $0.leaseOutage = monotonicMilliseconds }
    }

    func reachesLease(at monotonicMilliseconds: Int64) -> Bool {
        state.withLock { $0.leaseOutage <= monotonicMilliseconds }
    }

    func step() throws {
        let hasEnded = state.withLock { state in
            if let left = state.stepsLeft {
                state.stepsLeft = left - 1
                if left <= 0 { state.hasEnded = true }
            }
            return state.hasEnded
        }
        if hasEnded { throw Ended() }
    }
}

/// The way of one coordinator process to the parts of the world, where faults strike.
struct Gate: Sendable {
    enum Part: String { case store, logs, webRoot, hosts }

    let simulation: Simulation
    let life: Life

    func effect<T>(
        on part: Part, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async throws -> T {
        try life.step()
        // A commit takes longest.
        await simulation.pause(upTo: part == .store ? 20 : 3)
        try life.step()
        try fail(part)
        let value = try await body()
        try life.step()
        if part == .store, simulation.strikes(.storeAnswerLost) {
            throw StoreError(.unavailable, "the connection was lost before the answer")
        }
        return value
    }

    private func fail(_ part: Part) throws {
        switch part {
        case .store:
            if simulation.isOut(.storeDown) || simulation.strikes(.storeFails) {
                throw StoreError(.unavailable, "the database is down")
            }
        case .logs:
            if simulation.isOut(.logDiskFull) {
                throw WebRootFault("no space left for logs")
            }
        case .webRoot, .hosts: break
        }
    }
}

/// The clock of one coordinator process: when that has ended, nobody wakes any more.
struct ProcessClock: TimeSource, IDSource {
    let simulation: Simulation
    let life: Life

    func unixMilliseconds() -> Int64 { simulation.clock.unixMilliseconds() }
    func monotonicMilliseconds() -> Int64 { simulation.clock.monotonicMilliseconds() }
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        if life.hasEnded { throw CancellationError() }
        try await simulation.clock.sleep(untilMonotonicMilliseconds: deadline)
        if life.hasEnded { throw CancellationError() }
    }
    func randomToken() -> AttemptToken {
        AttemptToken(high: simulation.number(), low: simulation.number())
    }
    func randomID() -> String { "id-\(simulation.counted())" }
}
