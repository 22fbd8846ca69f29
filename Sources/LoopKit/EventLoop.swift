//! LoopKit: a thread with epoll that is the executor of the actors whose descriptors it watches,
//! and byte streams on it. It blocks only in epoll_wait, and implements no protocol.

import CLinux
import Glibc
public import Support
import Synchronization

/// A thread that waits for descriptors and deadlines and runs the code of its actors in between.
///
/// An actor runs on it by returning `loop.asUnownedSerialExecutor()` as its `unownedExecutor`; its
/// C handles are then used on one thread. All methods may be called from any thread or task. Code
/// that runs on the loop must not block, because it would block everything else on the loop.
///
/// It is not a task executor: jobs of an actor that run as both kinds leave the actor at every call
/// to itself, and what they have read may be outdated afterwards.
///
/// The thread lives as long as the process, because there is no point at which it can no longer get
/// work.
public final class EventLoop: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// The thread is in epoll_wait, or about to enter it, with a timeout that covers all of
        /// `waiters`.
        var isSleeping = false
        var thread: pthread_t?
        var lastWaiter: UInt64 = 0
        var waiters = WaiterTable()
    }

    public let name: String
    private let epoll: Int32
    private let wakeUp: Int32
    private let state = Mutex(State())

    /// Starts the loop's thread.
    public init(name: String) throws(SystemError) {
        self.name = name
        let epoll = Descriptor(owning: try checked(aib_epoll_create(), "cannot create epoll"))
        let wakeUp = Descriptor(owning: try checked(aib_eventfd_create(), "cannot create eventfd"))
        try checked(
            aib_epoll_arm(epoll.raw, wakeUp.raw, AIB_READABLE, Self.token(wakeUp.raw)),
            "cannot watch an eventfd")
        self.epoll = epoll.release()
        self.wakeUp = wakeUp.release()
        try OwnThread.start { self.run() }
    }

    // MARK: Waiting

    /// Waits until `fd` is ready, has ended or has an error. Several tasks may wait for one `fd`.
    /// It may also return early: the descriptor is non-blocking, and the caller tries again.
    ///
    /// - Parameter deadlineMilliseconds: on the monotonic clock of `Clocks`.
    /// - Returns: false if the deadline passed first.
    /// - Throws: `CancellationError`, or `SystemError` if `fd` cannot be watched.
    public func wait(
        fd: Int32, for interest: Interest, deadlineMilliseconds: Int64? = nil,
        isolation: isolated (any Actor)? = #isolation
    ) async throws -> Bool {
        try await wait(fd: fd, for: interest, deadlineMilliseconds, unless: { false })
    }

    /// Waits until the monotonic clock reaches `untilMilliseconds`.
    public func sleep(
        untilMilliseconds: Int64, isolation: isolated (any Actor)? = #isolation
    ) async throws {
        _ = try await wait(fd: -1, for: [], untilMilliseconds, unless: { false })
    }

    /// Ends all waits for `fd`, as if it were ready: for a task that read bytes which belong to
    /// another task.
    public func wake(fd: Int32) {
        let resumed = state.withLock { state in
            state.waiters.removeAll(on: fd, readyFor: [.readable, .writable])
        }
        for continuation in resumed { continuation.resume(returning: true) }
    }

    /// Ends all waits for `fd`, as if it were ready. Must be called before `fd` is closed, because
    /// its number may be reused at once.
    public func forget(fd: Int32) {
        state.withLock { _ in
            _ = aib_epoll_remove(epoll, fd)  // ENOENT: nobody ever waited on it
        }
        wake(fd: fd)
    }

    /// Like the public `wait`, but returns at once if `isClosed` returns true. That is called when
    /// a later `forget` is certain to find this task, so that no wait outlives its descriptor.
    ///
    /// `isolation`: the caller stays on its actor until it waits, so that its checks are still
    /// valid then. Without it the closures here would run on the global pool.
    func wait(
        fd: Int32, for interest: Interest, _ deadlineMilliseconds: Int64?,
        unless isClosed: () -> Bool, isolation: isolated (any Actor)? = #isolation
    ) async throws -> Bool {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return try await withTaskCancellationHandler {
            _ = isolation  // only a captured isolation is inherited
            return try await withCheckedThrowingContinuation { continuation in
                let waiter = WaiterTable.Waiter(
                    fd: fd, interest: interest, deadlineMilliseconds: deadlineMilliseconds,
                    continuation: continuation)
                register(id, waiter, unless: isClosed)
                // A cancellation before this point found nothing to cancel.
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func register(_ id: UInt64, _ waiter: WaiterTable.Waiter, unless isClosed: () -> Bool) {
        let outcome = state.withLock { state -> Result<Bool, SystemError>? in
            if isClosed() { return .success(true) }
            if waiter.fd >= 0 {
                let interest = state.waiters.interest(in: waiter.fd).union(waiter.interest)
                let code = arm(waiter.fd, interest)
                guard code == 0 else {
                    return .failure(SystemError(errno: -code, "cannot wait for a descriptor"))
                }
            }
            let before = state.waiters.nextDeadlineMilliseconds() ?? .max
            state.waiters.insert(id, waiter)
            if let deadline = waiter.deadlineMilliseconds, deadline < before { wake(&state) }
            return nil
        }
        if let outcome { waiter.continuation.resume(with: outcome.mapError { $0 as any Error }) }
    }

    private func cancel(_ id: UInt64) {
        let continuation = state.withLock { state in state.waiters.remove(id) }
        continuation?.resume(throwing: CancellationError())
    }

    // MARK: Executor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { state in
            state.jobs.append(job)
            wake(&state)
        }
    }

    public func checkIsolated() {
        precondition(isIsolatingCurrentContext() == true, "not on the thread of loop \(name)")
    }

    public func isIsolatingCurrentContext() -> Bool? {
        state.withLock { state in
            guard let thread = state.thread else { return false }
            return pthread_equal(thread, pthread_self()) != 0
        }
    }

    // MARK: The thread

    private func run() -> Never {
        aib_name_thread(name)
        state.withLock { state in state.thread = pthread_self() }
        var events = [aib_event](repeating: aib_event(), count: LoopLimits.eventsAtOnce)
        while true {
            let timeout = state.withLock { state in timeoutMilliseconds(&state) }
            let count = aib_epoll_wait(epoll, &events, Int32(events.count), timeout)
            // Happens only if another part has closed one of our descriptors by mistake.
            precondition(count >= 0, "epoll_wait failed: \(-count)")
            wakeTasks(events.prefix(Int(count)))
            runJobs()
        }
    }

    private func timeoutMilliseconds(_ state: inout State) -> Int32 {
        guard state.jobs.isEmpty else { return 0 }
        state.isSleeping = true
        guard let deadline = state.waiters.nextDeadlineMilliseconds() else { return -1 }
        let rest = deadline - Clocks.monotonicMilliseconds()
        return Int32(clamping: max(0, rest))
    }

    private func wakeTasks(_ events: ArraySlice<aib_event>) {
        let (ready, expired) = state.withLock { state in
            state.isSleeping = false
            var ready: [WaiterTable.Continuation] = []
            for event in events {
                let fd = Int32(truncatingIfNeeded: event.token)
                if fd == wakeUp {
                    _ = aib_eventfd_drain(wakeUp)
                    _ = arm(wakeUp, .readable)
                    continue
                }
                ready += state.waiters.removeAll(on: fd, readyFor: Interest(rawValue: event.ready))
                let rest = state.waiters.interest(in: fd)
                if !rest.isEmpty { _ = arm(fd, rest) }
            }
            let now = Clocks.monotonicMilliseconds()
            return (ready, state.waiters.removeExpired(nowMilliseconds: now))
        }
        for continuation in ready { continuation.resume(returning: true) }
        for continuation in expired { continuation.resume(returning: false) }
    }

    private func runJobs() {
        let jobs = state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs {
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }

    private func wake(_ state: inout State) {
        guard state.isSleeping else { return }
        state.isSleeping = false
        _ = aib_eventfd_signal(wakeUp)
    }

    private func arm(_ fd: Int32, _ interest: Interest) -> Int32 {
        aib_epoll_arm(epoll, fd, interest.rawValue, Self.token(fd))
    }

    private static func token(_ fd: Int32) -> UInt64 { UInt64(UInt32(bitPattern: fd)) }
}
