import CoordinatorCore
import Synchronization

/// Signals that there may be something to decide. Any number of signals before the next `wait`
/// count as one.
final class Wakeup: Sendable {
    private struct State {
        var version: UInt64 = 0
        var heard: UInt64 = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Counts the changes: what was computed at one version may be stale at another.
    var version: UInt64 { state.withLock(\.version) }

    func raise() {
        let waiter = state.withLock { state in
            state.version &+= 1
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Returns once there is a signal that the last call did not see. One caller at a time.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isRaised = state.withLock { state in
                if state.version != state.heard { return true }
                state.waiter = continuation
                return false
            }
            if isRaised { continuation.resume() }
        }
        state.withLock { $0.heard = $0.version }
    }
}

extension Wakeup {
    /// The same; returns after the time at the latest.
    func wait(atMostMilliseconds milliseconds: Int64, _ clock: any TimeSource) async {
        let alarm = Task {
            try await clock.sleep(milliseconds: milliseconds)
            raise()
        }
        await wait()
        alarm.cancel()
    }
}

/// Why builds wait: computed once for all clients until something changes.
struct SharedExplanation {
    private let explanation: Scheduler.Explanation
    private let version: UInt64
    private let madeMilliseconds: Int64

    init(_ explanation: Scheduler.Explanation, _ wakeup: Wakeup, _ ports: Ports) {
        self.explanation = explanation
        version = wakeup.version
        madeMilliseconds = ports.clock.monotonicMilliseconds()
    }

    /// `nil` if something has changed or the value is too old.
    func value(_ wakeup: Wakeup, _ ports: Ports) -> Scheduler.Explanation? {
        let age = ports.clock.monotonicMilliseconds() - madeMilliseconds
        guard wakeup.version == version, age < ports.limits.explanationMilliseconds else {
            return nil
        }
        return explanation
    }
}
