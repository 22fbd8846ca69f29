import Glibc
import Synchronization

/// Runs blocking jobs on a bounded number of threads. A thread ends when no job waits.
final class WorkerThreads: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())

    init(limit: Int, waitingLimit: Int) {
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// - Returns: false if too many jobs wait already, or no thread can be created.
    func run(_ job: @escaping @Sendable () -> Void) -> Bool {
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
        if startThread(with: job) { return true }
        state.withLock { $0.running -= 1 }
        return false
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

    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private func startThread(with job: @escaping @Sendable () -> Void) -> Bool {
        let start = Unmanaged.passRetained(Start { self.work(first: job) })
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                // A write to a closed TLS connection must not end the program.
                var pipe = sigset_t()
                sigemptyset(&pipe)
                sigaddset(&pipe, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &pipe, nil)
                if let context { Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
