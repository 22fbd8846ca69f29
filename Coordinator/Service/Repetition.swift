import CoordinatorCore
import Synchronization

/// Work that looks again and again whether there is something to do: when it is woken, and after
/// the pause that it asked for. Any number of signals while it works count as one.
final class Repetition: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isStopping = false
    }

    private let clock: any TimeSource
    private let wakeup = Wakeup()
    private let state = Mutex(State())

    init(_ clock: any TimeSource) { self.clock = clock }

    var isStopping: Bool { state.withLock(\.isStopping) }

    /// Begins with the first look; does nothing the second time.
    /// - Parameter work: returns after how many milliseconds it is repeated at the latest.
    func start(_ work: @escaping @Sendable () async -> Int64) {
        state.withLock { state in
            guard state.task == nil, !state.isStopping else { return }
            state.task = Task { [clock, wakeup] in
                while !Task.isCancelled {
                    let pause = await work()
                    if Task.isCancelled { return }
                    await wakeup.wait(atMostMilliseconds: pause, clock)
                }
            }
        }
    }

    /// There may be something to do.
    func wake() { wakeup.raise() }

    /// Cancels the task of the work, and returns once it has ended.
    func stop() async {
        let task = state.withLock { state in
            state.isStopping = true
            return state.task
        }
        task?.cancel()
        wakeup.raise()
        await task?.value
    }
}
