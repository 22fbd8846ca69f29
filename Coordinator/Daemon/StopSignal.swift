import Glibc
import ProcessKit
import Support
import Synchronization

/// The signal that asks this program to end. Waited for from the start, so that a start that takes
/// long, too, ends within the limit.
final class StopSignal: Sendable {
    /// Everything that is done in order has this long; then the program ends all the same. Nothing
    /// is lost by that: all of it can be taken up after a crash. Below `TimeoutStopSec` of the unit
    /// (30 s), above the slowest honest publication: its renames, on a disk that is busy.
    static let limitSeconds: UInt32 = 20

    private struct State {
        var signal: Int32?
        var waiter: CheckedContinuation<Int32, Never>?
    }

    private let state = Mutex(State())

    init() throws(SystemError) {
        try OwnThread.start { self.watch() }
    }

    /// Returns once the first signal has come.
    func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let signal = state.withLock { state in
                if state.signal == nil { state.waiter = continuation }
                return state.signal
            }
            if let signal { continuation.resume(returning: signal) }
        }
    }

    private func watch() {
        let signal = Signals.waitBlocking(SIGTERM, SIGINT)
        let waiter = state.withLock { state in
            state.signal = signal
            return state.waiter.take()
        }
        waiter?.resume(returning: signal)
        let log = Logger("coordinator")
        try? OwnThread.start {
            sleep(Self.limitSeconds)
            log.warning(
                "not everything came to rest within \(Self.limitSeconds) s; ending all the same: "
                    + "the next start takes it up")
            _exit(0)
        }
        let second = Signals.waitBlocking(SIGTERM, SIGINT)
        log.warning("a second signal: ending at once")
        _exit(128 + second)
    }
}
