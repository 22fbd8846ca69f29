import CLinux
import Support
import Synchronization

/// A few threads for C calls that can only block (name resolution, small files).
public enum BlockingThreads {
    private static let threads = WorkerThreads(limit: LoopLimits.blockingThreads)

    /// Runs `work` on such a thread and waits for it. Work that exceeds the deadline runs to its
    /// end, and its result is dropped.
    ///
    /// - Returns: nil if the deadline passed first.
    public static func run<Value: Sendable>(
        loop: EventLoop, deadlineMilliseconds: Int64?, _ work: @escaping @Sendable () -> Value
    ) async throws -> Value? {
        let outcome = try Outcome<Value>()
        let job: @Sendable () -> Void = { outcome.set(work()) }
        // Without a thread it is done here.
        if !threads.run(job) { job() }
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
}
