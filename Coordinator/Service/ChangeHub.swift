/// Tells followers that something changed, without queueing anything for them: a follower that
/// was slow just reads the newest state, and its log from its own cursor. So a thousand followers
/// cost a thousand numbers.
public actor ChangeHub {
    private var version: UInt64 = 0
    private var changed: [String: UInt64] = [:]
    private var waiters: [String: [UInt64: CheckedContinuation<Void, Never>]] = [:]
    private var nextWaiter: UInt64 = 0
    /// Of all keys that were forgotten: who has not seen it may have missed a last change.
    private var lastRetired: UInt64 = 0
    /// Nothing will change any more here: followers go, and ask the next coordinator.
    public private(set) var isClosed = false

    /// Changes with every key.
    public static let everything = "*"

    public init() {}

    /// Wakes everybody who waits; nobody waits from here on.
    public func close() {
        isClosed = true
        for waiter in waiters.values.flatMap(\.values) { waiter.resume() }
        waiters = [:]
    }

    public func bump(_ key: String) {
        version += 1
        changed[key] = version
        for waiter in (waiters.removeValue(forKey: key) ?? [:]).values { waiter.resume() }
    }

    /// Forgets a key that will not change again; those who wait for it are woken.
    public func retire(_ key: String) {
        bump(key)
        changed[key] = nil
        lastRetired = version
    }

    /// Something about `key` changed, for the last time if it `isOver`.
    func report(_ key: String, isOver: Bool) {
        if isOver { retire(key) } else { bump(key) }
        bump(Self.everything)
    }

    /// The version to wait after, taken before the state is read, so that no change is missed.
    public func now() -> UInt64 { version }

    /// Returns when `key` changed after `seen`, or when the task is cancelled. It may return
    /// without a change, so the caller looks anew.
    public func wait(_ key: String, after seen: UInt64) async {
        if isClosed || (changed[key] ?? lastRetired) > seen { return }
        nextWaiter += 1
        let id = nextWaiter
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    waiters[key, default: [:]][id] = continuation
                }
            }
        } onCancel: {
            Task { await self.release(key, id) }
        }
    }

    private func release(_ key: String, _ id: UInt64) {
        waiters[key]?.removeValue(forKey: id)?.resume()
        if waiters[key]?.isEmpty == true { waiters[key] = nil }
    }
}
