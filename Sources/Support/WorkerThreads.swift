import Synchronization

/// Runs blocking jobs on a bounded number of threads. A thread ends when no job waits.
public final class WorkerThreads: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())

    public init(limit: Int, waitingLimit: Int = .max) {
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// - Returns: false if too many jobs wait already, or no thread can be created.
    public func run(_ job: @escaping @Sendable () -> Void) -> Bool {
        let (taken, starts) = state.withLock { state -> (Bool, Bool) in
            if state.running < limit {
                state.running += 1
                return (true, true)
            }
            guard state.waiting.count < waitingLimit else { return (false, false) }
            state.waiting.append(job)
            return (true, false)
        }
        guard starts else { return taken }
        do {
            try OwnThread.start { self.work(first: job) }
            return true
        } catch {
            state.withLock { $0.running -= 1 }
            return false
        }
    }

    private func work(first: @Sendable () -> Void) {
        first()
        while let job = next() { job() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
