import CCurl
import Synchronization

/// Ends a transfer from another thread.
final class Canceller: Sendable {
    /// Sendable although it is a pointer: waking is the one call that the library allows from other
    /// threads, it is made only under the lock, and `disarm` removes the pointer under the same
    /// lock before the handle is freed.
    private struct Handle: @unchecked Sendable {
        let multi: UnsafeMutableRawPointer
    }

    private struct State {
        var isCancelled = false
        var handle: Handle?
    }

    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock(\.isCancelled) }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            if let handle = state.handle { curl_multi_wakeup(handle.multi) }
        }
    }

    func arm(_ multi: UnsafeMutableRawPointer) {
        let handle = Handle(multi: multi)
        state.withLock { $0.handle = handle }
    }

    func disarm() {
        state.withLock { $0.handle = nil }
    }
}
