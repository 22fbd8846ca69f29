import CLinux

/// The waiting tasks. Pure bookkeeping under the loop's lock: it returns the tasks to resume, and
/// the loop resumes them without the lock.
struct WaiterTable {
    typealias Continuation = CheckedContinuation<Bool, any Error>

    struct Waiter {
        /// -1 for a sleeping task.
        var fd: Int32
        var interest: Interest
        var deadlineMilliseconds: Int64?
        var continuation: Continuation
    }

    private var waiters: [UInt64: Waiter] = [:]
    private var byDescriptor: [Int32: [UInt64]] = [:]
    private var timers = TimerHeap()

    var timerCount: Int { timers.count }

    /// The combined interest of all tasks in `fd`.
    func interest(in fd: Int32) -> Interest {
        byDescriptor[fd, default: []].reduce(into: []) { union, id in
            union.formUnion(waiters[id]?.interest ?? [])
        }
    }

    mutating func insert(_ id: UInt64, _ waiter: Waiter) {
        waiters[id] = waiter
        if waiter.fd >= 0 { byDescriptor[waiter.fd, default: []].append(id) }
        guard let deadline = waiter.deadlineMilliseconds else { return }
        timers.insert(.init(deadlineMilliseconds: deadline, waiter: id))
        if timers.count > 2 * waiters.count + LoopLimits.deadTimers {
            timers.compact { waiters[$0] != nil }
        }
    }

    mutating func remove(_ id: UInt64) -> Continuation? {
        guard let waiter = waiters.removeValue(forKey: id) else { return nil }
        if var others = byDescriptor[waiter.fd] {
            others.removeAll { $0 == id }
            byDescriptor[waiter.fd] = others.isEmpty ? nil : others
        }
        return waiter.continuation
    }

    /// Removes the tasks that wait for any of `ready` on `fd`.
    mutating func removeAll(on fd: Int32, readyFor ready: Interest) -> [Continuation] {
        let ids = byDescriptor[fd, default: []].filter { id in
            !(waiters[id]?.interest.isDisjoint(with: ready) ?? true)
        }
        return ids.compactMap { remove($0) }
    }

    /// Removes the tasks whose deadline has passed.
    mutating func removeExpired(nowMilliseconds: Int64) -> [Continuation] {
        var expired: [Continuation] = []
        while let timer = timers.first, timer.deadlineMilliseconds <= nowMilliseconds {
            timers.removeFirst()
            if let continuation = remove(timer.waiter) { expired.append(continuation) }
        }
        return expired
    }

    /// The earliest deadline of a waiting task.
    mutating func nextDeadlineMilliseconds() -> Int64? {
        while let timer = timers.first {
            if waiters[timer.waiter] != nil { return timer.deadlineMilliseconds }
            timers.removeFirst()
        }
        return nil
    }
}

/// What a task waits for on a descriptor.
public struct Interest: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes, the end of the stream, or an error can be read.
    public static let readable = Interest(rawValue: AIB_READABLE)
    /// There is room to write, or writing gives an error.
    public static let writable = Interest(rawValue: AIB_WRITABLE)
}
