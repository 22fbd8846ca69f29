import CLinux
import Glibc
import Support
import Synchronization

/// A few threads for C calls that can only block (name resolution, small files).
public enum BlockingThreads {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var threadCount = 0
    }

    private static let state = Mutex(State())

    /// Runs `work` on such a thread and waits for it. Work that exceeds the deadline runs to its
    /// end, and its result is dropped.
    ///
    /// - Returns: nil if the deadline passed first.
    public static func run<Value: Sendable>(
        loop: EventLoop, deadlineMilliseconds: Int64?, _ work: @escaping @Sendable () -> Value
    ) async throws -> Value? {
        let outcome = try Outcome<Value>()
        enqueue { outcome.set(work()) }
        defer { loop.forget(fd: outcome.done.raw) }
        _ = try await loop.wait(
            fd: outcome.done.raw, for: .readable, deadlineMilliseconds: deadlineMilliseconds)
        return outcome.value.withLock { $0 }
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
        let done: Descriptor

        init() throws(SystemError) {
            done = Descriptor(owning: try checked(aib_eventfd_create(), "cannot create eventfd"))
        }

        func set(_ new: Value) {
            value.withLock { $0 = new }
            _ = aib_eventfd_signal(done.raw)
        }
    }

    private static func enqueue(_ job: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            guard state.threadCount < LoopLimits.blockingThreads else { return false }
            state.threadCount += 1
            return true
        }
        guard needsThread else { return }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { _ in
                BlockingThreads.runJobs()
                return nil
            }, nil)
        if code == 0 {
            pthread_detach(thread)
        } else {
            // No thread can be created: the job waits for an existing one, or runs here.
            runJobs()
        }
    }

    private static func runJobs() {
        while true {
            let job = state.withLock { state -> (@Sendable () -> Void)? in
                if state.jobs.isEmpty {
                    state.threadCount -= 1
                    return nil
                }
                return state.jobs.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }
}
