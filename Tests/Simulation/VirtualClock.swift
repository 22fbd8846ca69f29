import CoordinatorCore
import Synchronization

/// The time of the simulation: it stands still while anything can run, then jumps to the next
/// deadline.
final class VirtualClock: Sendable {
    private struct Alarm {
        var deadline: Int64
        var id: UInt64

        static func precedes(_ a: Alarm, _ b: Alarm) -> Bool {
            (a.deadline, a.id) < (b.deadline, b.id)
        }
    }

    private struct State {
        var now = VirtualClock.start
        /// How far somebody has set the wall clock ahead.
        var ahead: Int64 = 0
        var nextID: UInt64 = 0
        /// A heap; alarms whose sleeper was cancelled stay until their time.
        var alarms: [Alarm] = []
        var sleepers: [UInt64: UnsafeContinuation<Void, any Error>] = [:]
    }

    static let start: Int64 = 1_000_000
    private static let unixStart: Int64 = 1_763_718_000_000
    private let state = Mutex(State())

    func monotonicMilliseconds() -> Int64 { state.withLock(\.now) }

    func unixMilliseconds() -> Int64 {
        state.withLock { Self.unixStart + $0.now + $0.ahead }
    }

    /// Somebody sets the wall clock.
    func jump(milliseconds: Int64) { state.withLock { $0.ahead += milliseconds } }

    /// - Throws: `CancellationError`
    func wait(milliseconds: Int64) async throws {
        try await self.sleep(
            untilMonotonicMilliseconds: monotonicMilliseconds() + milliseconds)
    }

    /// - Throws: `CancellationError`
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation {
                (continuation: UnsafeContinuation<Void, any Error>) in
                // One thread: whoever cancels has done so before, or finds the sleeper below.
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                state.withLock { state in
                    state.sleepers[id] = continuation
                    Self.push(Alarm(deadline: deadline, id: id), on: &state.alarms)
                }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.resume(throwing: CancellationError())
        }
    }

    /// Wakes the next sleeper at its time.
    /// - Returns: whether there was one.
    func advance() -> Bool {
        let sleeper: UnsafeContinuation<Void, any Error>? = state.withLock { state in
            while let alarm = Self.pop(&state.alarms) {
                guard let sleeper = state.sleepers.removeValue(forKey: alarm.id) else { continue }
                state.now = max(state.now, alarm.deadline)
                return sleeper
            }
            return nil
        }
        sleeper?.resume()
        return sleeper != nil
    }

    // MARK: Heap

    private static func push(_ alarm: Alarm, on heap: inout [Alarm]) {
        var place = heap.count
        heap.append(alarm)
        while place > 0 {
            let parent = (place - 1) / 2
            guard Alarm.precedes(alarm, heap[parent]) else { break }
            heap[place] = heap[parent]
            place = parent
        }
        heap[place] = alarm
    }

    private static func pop(_ heap: inout [Alarm]) -> Alarm? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Alarm.precedes(heap[child + 1], heap[child]) { child += 1 }
            guard Alarm.precedes(heap[child], last) else { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = last
        return first
    }
}
