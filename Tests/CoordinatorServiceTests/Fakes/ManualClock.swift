import BuildProtocol
import CoordinatorCore
import Synchronization

/// A clock that a test advances, and ids that are counted instead of random.
final class ManualClock: TimeSource, IDSource {
    private struct Sleeper {
        var deadline: Int64
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Int64 = 1_000_000
        var ahead: Int64 = 0
        var nextID: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        var cancelled: Set<UInt64> = []
    }

    static let unixStart: Int64 = 1_763_718_000_000
    private let state = Mutex(State())

    func monotonicMilliseconds() -> Int64 { state.withLock(\.now) }
    func unixMilliseconds() -> Int64 {
        state.withLock { Self.unixStart + $0.now + $0.ahead }
    }

    /// Sets the wall clock.
    func jump(milliseconds: Int64) { state.withLock { $0.ahead += milliseconds } }

    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        let id = nextID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if state.now >= deadline { return .success(()) }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Wakes all tasks that are due, and lets them and the tasks that they wake run before more
    /// time passes: on a busy machine the clock would otherwise run ahead of them. Their work takes
    /// about ten steps, each a turn of the thread pool.
    func advance(milliseconds: Int64, turns: Int = 50) async {
        let due = state.withLock { state in
            state.now += milliseconds
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values
        }
        for sleeper in due { sleeper.continuation.resume() }
        for _ in 0..<turns { await Task.yield() }
    }

    func randomToken() -> AttemptToken { AttemptToken(high: 0, low: nextID()) }
    func randomID() -> String { "id-\(nextID())" }

    private func nextID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }
}
