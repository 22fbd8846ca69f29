import Glibc
import ProcessKit
import Support
import Synchronization

/// The signal to stop. It is awaited from the beginning, so that a slow start also ends within the
/// limit.
final class StopSignal: Sendable {
    /// The time for an orderly shutdown, after which the program ends anyway. Nothing is lost then:
    /// everything can be resumed as after a crash. Below `TimeoutStopSec` of the unit (30 s), above
    /// the slowest legitimate publication: its renames on a busy disk.
    static let limitSeconds: UInt32 = 20

    private struct State {
        var signal: Int32?
        var waiter: CheckedContinuation<Int32, Never>?
    }

    private let state = Mutex(State())

    init() throws(SystemError) {
        try OwnThread.start { self.watch() }
    }

    /// Returns once the first signal has arrived.
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
